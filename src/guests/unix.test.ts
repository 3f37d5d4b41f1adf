import { describe, expect, test } from 'vitest'
import { parseLoginctl, parseUnixFacts, parseWho, rootProblem, unixReboot } from './unix.ts'

const lines = (text: string) => text.split('\n')

describe('who', () => {
  test('is read as coreutils prints it in the C locale and in others', () => {
    expect(
      parseWho(
        lines(
          'alice    tty7         2026-11-21 10:02 (:0)\nbob      pts/0        Nov  2 09:15 (10.0.0.7)\nroot     tty1         Nov 21 10:02',
        ),
      ),
    ).toEqual([
      { name: 'alice', terminal: 'tty7', from: ':0', since: '2026-11-21 10:02' },
      { name: 'bob', terminal: 'pts/0', from: '10.0.0.7', since: 'Nov  2 09:15' },
      { name: 'root', terminal: 'tty1', from: '', since: 'Nov 21 10:02' },
    ])
  })

  test('is read as busybox prints it, and its heading is left out', () => {
    expect(
      parseWho(
        lines(
          'USER\t\tTTY\t\tIDLE\tTIME\t\t HOST\nroot            pts/0           00:01   Nov 21 10:02:03  10.0.0.7'.replaceAll(
            '\t',
            ' ',
          ),
        ),
      ),
    ).toEqual([{ name: 'root', terminal: 'pts/0', from: '10.0.0.7', since: 'Nov 21 10:02:03' }])
  })
})

describe('loginctl', () => {
  test('is read from old versions, which leave empty columns out', () => {
    expect(
      parseLoginctl(lines('     1 1000 alice seat0 tty2\n    c1  110 gdm   seat0 tty1\n     5    0 root        pts/0')),
    ).toEqual([
      { name: 'alice', terminal: 'tty2', from: '', since: '' },
      { name: 'gdm', terminal: 'tty1', from: '', since: '' },
      { name: 'root', terminal: 'pts/0', from: '', since: '' },
    ])
  })

  test('is read from new versions, and sessions that are no login of a person are left out', () => {
    expect(
      parseLoginctl(
        lines(
          '  1    0 root  -     812 manager-early -    no   -\n  2 1000 alice seat0 901 user          tty2 no   -\nc1  110 gdm   seat0 700 greeter       tty1 yes  2min ago',
        ),
      ),
    ).toEqual([{ name: 'alice', terminal: 'tty2', from: '', since: '' }])
  })
})

describe('the facts of a system', () => {
  test('come from the sections of one answer', () => {
    const facts = parseUnixFacts(`Welcome to this host
== hostname
pc-07
== os
NAME="Debian GNU/Linux"
PRETTY_NAME="Debian \\"GNU\\"/Linux 12 (bookworm)"
== kernel
Linux 6.1.0-18-amd64
== uptime
81234.56 300000.00
== addresses
2: eth0    inet 10.0.0.7/24 brd 10.0.0.255 scope global dynamic eth0\\       valid_lft 3000sec
2: eth0    inet6 2001:db8::7/64 scope global
== who
alice    tty2         2026-11-21 10:02 (tty2)
== loginctl
     1 1000 alice seat0 tty2
     3 1001 bob
`)
    expect(facts).toEqual({
      hostname: 'pc-07',
      os: 'Debian "GNU"/Linux 12 (bookworm)',
      kernel: 'Linux 6.1.0-18-amd64',
      uptimeSeconds: 81_234,
      addresses: ['10.0.0.7', '2001:db8::7'],
      users: [
        { name: 'alice', terminal: 'tty2', from: 'tty2', since: '2026-11-21 10:02' },
        { name: 'bob', terminal: '', from: '', since: '' },
      ],
    })
  })

  test('of a system that says little are empty, and what it says is bounded and cannot steer a terminal', () => {
    expect(parseUnixFacts('')).toEqual({
      hostname: '',
      os: '',
      kernel: '',
      uptimeSeconds: 0,
      addresses: [],
      users: [],
    })
    const many = 'eve pts/1 2026-11-21 10:02 (x)\n'.repeat(5000)
    const facts = parseUnixFacts(`== hostname\n\u001b[2Jpc\u0007\n== uptime\n-5\n== who\n${many}`)
    expect(facts.hostname).toBe('[2Jpc')
    expect(facts.uptimeSeconds).toBe(0)
    expect(facts.users).toHaveLength(200)
  })
})

test('a reboot says that it was accepted, and quotes survive the login shell', () => {
  for (const powerOff of [false, true]) {
    const command = unixReboot(powerOff)
    expect(command.match(/'/g)).toHaveLength(2)
    expect(command).toContain('&& echo reveille-accepted')
  }
})

test('a user who may not act as root is told so', () => {
  expect(rootProblem('sudo: a password is required\n', 'bob')).toBe(
    'user bob may not act as root there: sudo: a password is required',
  )
  expect(rootProblem('chpasswd: line 1: user x does not exist', 'bob')).toBeUndefined()
})
