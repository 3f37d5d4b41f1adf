import { expect, test } from 'vitest'
import { complaint, parseNetUser, parseQuser, parseWindowsFacts, WINDOWS_USER, windowsAccounts } from './windows.ts'

// These samples were written from Microsoft's documentation, not recorded.
const QUSER = [
  ' USERNAME              SESSIONNAME        ID  STATE   IDLE TIME  LOGON TIME',
  '>administrator         console             1  Active      none   11/21/2026 9:02 AM',
  ' dbc player            rdp-tcp#3           2  Active         5   11/21/2026 8:11 AM',
  ' bob                                       3  Disc        1+02:11  11/20/2026 5:44 PM',
]
const NET_USER = [
  '',
  'User accounts for \\\\PC-07',
  '',
  '-------------------------------------------------------------------------------',
  'Administrator            DefaultAccount           dbc player',
  'Guest                    WDAGUtilityAccount       ',
  'The command completed successfully.',
  '',
]

test('quser is read by its columns, with disconnected sessions', () => {
  expect(parseQuser(QUSER)).toEqual([
    { name: 'administrator', terminal: 'console', from: '', since: '11/21/2026 9:02 AM' },
    { name: 'dbc player', terminal: 'rdp-tcp#3', from: '', since: '11/21/2026 8:11 AM' },
    { name: 'bob', terminal: '', from: '', since: '11/20/2026 5:44 PM' },
  ])
  expect(parseQuser(['No User exists for *'])).toEqual([])
})

test('net user is read by its columns', () => {
  expect(parseNetUser(NET_USER)).toEqual([
    'Administrator',
    'DefaultAccount',
    'dbc player',
    'Guest',
    'WDAGUtilityAccount',
  ])
  expect(parseNetUser([])).toEqual([])
})

test('the facts of a Windows come from the sections of one answer', () => {
  const text = `== hostname\r\nPC-07\r\n== os\r\nMicrosoft Windows 10 Pro\r\n== kernel\r\nWindows 10.0.19045\r\n== uptime\r\n3600\r\n== addresses\r\nfe80::1%12\r\n10.0.0.7\r\n== quser\r\n${QUSER.join('\r\n')}\r\n== accounts\r\n${NET_USER.join('\r\n')}`
  expect(parseWindowsFacts(text)).toMatchObject({
    hostname: 'PC-07',
    os: 'Windows 10 Pro',
    kernel: 'Windows 10.0.19045',
    uptimeSeconds: 3600,
    addresses: ['fe80::1', '10.0.0.7'],
  })
  expect(parseWindowsFacts(text).users).toHaveLength(3)
  expect(windowsAccounts(text)).toContain('dbc player')
})

test('names that could leave their place in a command are no names', () => {
  expect(WINDOWS_USER.test('dbc player')).toBe(true)
  for (const name of ['a"b', 'a|b', 'a\nb', 'x'.repeat(21), '']) expect(WINDOWS_USER.test(name)).toBe(false)
})

test('what PowerShell complains about is told without its markup', () => {
  expect(
    complaint(
      '#< CLIXML\r\n<Objs Version="1.1.0.1"><S S="Error">Set-LocalUser : User x was not found._x000D__x000A_</S></Objs>',
    ),
  ).toBe('Set-LocalUser : User x was not found.')
})
