import { gunzipSync, gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { butaneText } from '../../../test/fakes/butane-document.ts'
import { GOOD, localFiles } from '../../../test/fakes/ignition-documents.ts'
import { readYaml } from '../../configs/drivers/yaml.ts'
import { transpileButane } from './butane.ts'
import { utf8 } from './data-url.ts'
import { EDITIONS } from './schema.ts'
import { validateIgnition } from './validate.ts'

const transpile = (text: string) => transpileButane(readYaml(text).document!, localFiles)
const version = (language: string) => {
  const edition = EDITIONS.find((each) => `${each.language} ${each.version}` === language)!
  return `3.${edition.ignition}.0`
}

describe('Butane', () => {
  test.each(GOOD)('%s is made into Ignition: %s', (language, body, expected) => {
    const { ignition, problems } = transpile(butaneText(language, body))
    expect(problems).toEqual([])
    const { ignition: header, ...rest } = expected as { ignition?: object }
    expect(ignition).toEqual({ ...rest, ignition: { ...header, version: version(language) } })
    const again = readYaml(JSON.stringify(ignition))
    expect(validateIgnition(again.document!).filter(({ severity }) => severity === 'error')).toEqual([])
  })

  test('of each version makes the Ignition that it is for', () => {
    const made = EDITIONS.filter(({ language }) => language !== 'ignition').map(({ language, version: own }) => {
      return `${language} ${own}: ${JSON.stringify(transpile(`variant: ${language}\nversion: ${own}\n`).ignition)}`
    })
    expect(made).toEqual([
      'flatcar 1.0.0: {"ignition":{"version":"3.3.0"}}',
      'flatcar 1.1.0: {"ignition":{"version":"3.4.0"}}',
      'fcos 1.0.0: {"ignition":{"version":"3.0.0"}}',
      'fcos 1.1.0: {"ignition":{"version":"3.1.0"}}',
      'fcos 1.2.0: {"ignition":{"version":"3.2.0"}}',
      'fcos 1.3.0: {"ignition":{"version":"3.2.0"}}',
      'fcos 1.4.0: {"ignition":{"version":"3.3.0"}}',
      'fcos 1.5.0: {"ignition":{"version":"3.4.0"}}',
      'fcos 1.6.0: {"ignition":{"version":"3.5.0"}}',
    ])
  })

  test('lays what is written over what its sugar makes', () => {
    const { ignition } = transpile(`variant: fcos
version: 1.6.0
boot_device:
  luks: {tpm2: true, discard: true}
  mirror: {devices: [/dev/vda, /dev/vdb]}
storage:
  disks:
    - {device: /dev/vda, partitions: [{label: root-1, size_mib: 8192}, {label: data-1}]}
  filesystems:
    - {device: /dev/mapper/root, format: ext4}
    - {device: /dev/disk/by-partlabel/data-1, format: xfs}
`)
    const { storage } = ignition as { storage: Record<string, Record<string, unknown>[]> }
    expect(storage.disks![0]!.partitions).toEqual([
      { label: 'bios-1', sizeMiB: 1, typeGuid: '21686148-6449-6E6F-744E-656564454649' },
      { label: 'esp-1', sizeMiB: 127, typeGuid: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B' },
      { label: 'boot-1', sizeMiB: 384 },
      { label: 'root-1', sizeMiB: 8192 },
      { label: 'data-1' },
    ])
    expect(storage.luks).toEqual([
      {
        clevis: { tpm2: true },
        device: '/dev/md/md-root',
        discard: true,
        label: 'luks-root',
        name: 'root',
        wipeVolume: true,
      },
    ])
    expect(storage.filesystems!.slice(-2)).toEqual([
      { device: '/dev/mapper/root', format: 'ext4', label: 'root', wipeFilesystem: true },
      { device: '/dev/disk/by-partlabel/data-1', format: 'xfs' },
    ])
  })

  describe('packs contents that are shorter so, as Butane does', () => {
    const long = 'All work and no play makes Jack a dull boy.\n'.repeat(20)
    const local = {
      file: () => utf8(long),
      list: () => ['tree/a'],
      gzip: (bytes: Uint8Array) => new Uint8Array(gzipSync(bytes, { level: 9 })),
    }
    const packed = (language: string, body: string) => {
      const { ignition, problems } = transpileButane(readYaml(butaneText(language, body)).document!, local)
      expect(problems).toEqual([])
      return JSON.stringify(ignition)
    }
    const inline = JSON.stringify(long)

    test.each([
      ['flatcar 1.0.0', 'storage: {files: [{path: /a, contents: {inline: LONG}}]}'],
      ['fcos 1.1.0', 'storage: {files: [{path: /a, contents: {local: a}}]}'],
      ['fcos 1.1.0', 'storage: {files: [{path: /a, append: [{local: a}]}]}'],
      ['flatcar 1.1.0', 'storage: {trees: [{local: tree}]}'],
      ['fcos 1.1.0', 'ignition: {config: {merge: [{local: a}]}}'],
      ['fcos 1.6.0', 'ignition: {security: {tls: {certificate_authorities: [{local: a}]}}}'],
      ['fcos 1.2.0', 'storage: {luks: [{name: d, device: /dev/a, key_file: {local: a}}]}'],
      ['fcos 1.5.0', 'grub: {users: [{name: root, password_hash: grub.pbkdf2.sha512.LONG}]}'],
    ])('%s: %s', (language, short) => {
      const isGrub = short.startsWith('grub')
      const made = packed(language, short.replace('LONG', isGrub ? 'A'.repeat(500) : inline))
      const [, data = ''] = /"compression":"gzip","source":"data:;base64,([^"]+)"|$/.exec(made) ?? []
      const text = gunzipSync(Buffer.from(data, 'base64')).toString()
      expect(isGrub ? text.includes('password_pbkdf2 root') : text === long).toBe(true)
    })

    test('but not what is short, what is packed already, and nothing for the first version of Ignition', () => {
      expect(packed('fcos 1.6.0', 'storage: {files: [{path: /a, contents: {inline: short}}]}')).toContain(
        '"compression":"","source":"data:,short"',
      )
      const said = packed('fcos 1.6.0', 'storage: {files: [{path: /a, contents: {local: a, compression: gzip}}]}')
      expect(said).toContain(`"compression":"gzip","source":"data:;base64,${Buffer.from(long).toString('base64')}"`)
      const first = packed('fcos 1.0.0', `storage: {files: [{path: /a, contents: {inline: ${inline}}}]}`)
      expect(first).toContain('"compression":"","source":"data:,All%20work')
      const bytes = packed('fcos 1.0.0', 'storage: {files: [{path: /a, contents: {inline: "%%%%%%%%%%%%"}}]}')
      expect(bytes).toContain(`"source":"data:,${'%25'.repeat(12)}"`)
    })
  })
})
