import { expect, test } from 'vitest'
import { parseDynamicSessions, parseInfo } from './info.ts'

/** As Linux 6.1 prints it. */
const INFO = `InitiatorName: iqn.2026-11.org.reveille:m
InitiatorAlias: 
LIO Session ID: 12   ISID: 0x80 50 43 33 00 00  TSIH: 3  SessionType: Normal
Session State: TARG_SESS_STATE_LOGGED_IN
---------------------[iSCSI Session Values]-----------------------
  CmdSN/WR  :  CmdSN/WC  :  ExpCmdSN  :  MaxCmdSN  :     ITT    :     TTT
 0x00000040   0x00000040   0x0000000d   0x0000004c   0x0000000c   0x0000000b
----------------------[iSCSI Connections]-------------------------
CID: 0  Connection State: TARG_CONN_STATE_LOGGED_IN
   Address 127.0.0.1 TCP  StatSN: 0x0000000e
`

test('who is logged in, and from where', () => {
  expect(parseInfo(INFO)).toEqual({ id: 12, initiator: 'iqn.2026-11.org.reveille:m', address: '127.0.0.1' })
  expect(parseInfo(INFO.replace('127.0.0.1', '[::ffff:10.0.0.9]:4711'))?.address).toBe('10.0.0.9')
})

test('nobody, or nothing that is understood', () => {
  expect(parseInfo('No active iSCSI Session for Initiator Endpoint: iqn.x:m\n')).toBeUndefined()
  expect(parseInfo('')).toBeUndefined()
  expect(parseInfo('x'.repeat(100_000))).toBeUndefined()
})

test('who came without an entry', () => {
  expect(parseDynamicSessions('iqn.x:a\niqn.x:b\n\0')).toEqual(['iqn.x:a', 'iqn.x:b'])
  expect(parseDynamicSessions('')).toEqual([])
})
