import { expect, test } from 'vitest'
import { loginArchive } from './login.ts'

const DISKS = {
  ...{ host: '10.0.0.1', port: 3260, firstLun: 0, luns: 1, remarks: [] },
  initiator: 'iqn.2026-01.org.reveille:m-1',
  target: 'iqn.2026-01.org.reveille:m-1:desktop',
}

test('a system without an iBFT is told how to log in, with its secret and nothing else in the file', () => {
  const text = Buffer.from(loginArchive({ ...DISKS, chap: { user: 'm-1', secret: 'abcdefgh12345678' } })).toString()
  expect(text).toContain('etc/iscsi.initramfs\0')
  expect(text.match(/^(?:[\s\S]*\0)?(ISCSI_INITIATOR[\s\S]*?\n)\0/)?.[1]?.split('\n')).toEqual([
    "ISCSI_INITIATOR='iqn.2026-01.org.reveille:m-1'",
    "ISCSI_TARGET_NAME='iqn.2026-01.org.reveille:m-1:desktop'",
    "ISCSI_TARGET_IP='10.0.0.1'",
    "ISCSI_TARGET_PORT='3260'",
    "ISCSI_TARGET_GROUP='1'",
    "ISCSI_USERNAME='m-1'",
    "ISCSI_PASSWORD='abcdefgh12345678'",
    '',
  ])
  expect(Buffer.from(loginArchive({ ...DISKS, chap: null })).toString()).not.toContain('PASSWORD')
  expect(() => loginArchive({ ...DISKS, chap: null, host: "10.0.0.1';reboot'" })).toThrow(RangeError)
})
