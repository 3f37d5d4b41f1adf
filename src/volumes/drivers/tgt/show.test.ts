import { describe, expect, test } from 'vitest'
import { DecodeError } from '../../../kit/errors.ts'
import { parsePortals, parseTargets } from './show.ts'

/** Printed by tgtadm 1.0.85. */
const PRINTED = `Target 1: iqn.2026-11.org.reveille:one
    System information:
        Driver: iscsi
        State: ready
    I_T nexus information:
        I_T nexus: 8
            Initiator: iqn.2008-11.org.linux-kvm alias: none
            Connection: 0
                IP Address: 127.0.0.1
    LUN information:
        LUN: 0
            Type: controller
            SCSI ID: IET     00010000
            SCSI SN: beaf10
            Size: 0 MB, Block size: 1
            Online: Yes
            Readonly: No
            Backing store type: null
            Backing store path: None
            Backing store flags: 
        LUN: 1
            Type: disk
            SCSI ID: v_abc
            SCSI SN: v_abc
            Size: 67 MB, Block size: 512
            Readonly: Yes
            Backing store type: rdwr
            Backing store path: /tmp/with space: and colon/a.img
            Backing store flags: 
    Account information:
        u1
        o1 (outgoing)
    ACL information:
        127.0.0.1
        iqn.2026-11.org.reveille:m1
Target 12: iqn.2026-11.org.reveille:two
    System information:
        Driver: iscsi
    I_T nexus information:
    LUN information:
    Account information:
    ACL information:
        ALL
`

describe('what tgtadm shows', () => {
  test('targets with their sessions, disks, users and rules', () => {
    expect(parseTargets(PRINTED)).toEqual([
      {
        tid: 1,
        iqn: 'iqn.2026-11.org.reveille:one',
        nexuses: [{ id: 8, initiator: 'iqn.2008-11.org.linux-kvm', connections: [0], address: '127.0.0.1' }],
        luns: [
          { lun: 0, type: 'controller', path: 'None', readOnly: false, serial: 'beaf10' },
          { lun: 1, type: 'disk', path: '/tmp/with space: and colon/a.img', readOnly: true, serial: 'v_abc' },
        ],
        accounts: [
          { user: 'u1', outgoing: false },
          { user: 'o1', outgoing: true },
        ],
        acl: ['127.0.0.1', 'iqn.2026-11.org.reveille:m1'],
      },
      { tid: 12, iqn: 'iqn.2026-11.org.reveille:two', nexuses: [], luns: [], accounts: [], acl: ['ALL'] },
    ])
    expect(parseTargets('')).toEqual([])
  })

  test('lines and sections of a newer tgt are passed over', () => {
    const newer = PRINTED.replace(
      '    LUN information:',
      '    Weather information:\n        rain: 1\n    LUN information:',
    )
    expect(parseTargets(newer.replace('        Driver: iscsi', '        Moon: full\n\n'))).toEqual(
      parseTargets(PRINTED),
    )
  })

  test('numbers that are none, and floods, are refused', () => {
    expect(() => parseTargets(PRINTED.replace('LUN: 1', 'LUN: one'))).toThrow(DecodeError)
    expect(() => parseTargets('x'.repeat(17 * 1024 * 1024))).toThrow(DecodeError)
  })

  test('portals', () => {
    expect(parsePortals('Portal: [::]:3260,1\nPortal: 10.0.0.1:3261,1\n')).toEqual([
      { host: '::', port: 3260 },
      { host: '10.0.0.1', port: 3261 },
    ])
  })
})
