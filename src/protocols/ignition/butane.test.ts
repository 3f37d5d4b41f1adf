import { describe, expect, test } from 'vitest'
import { butaneText } from '../../../test/fakes/butane-document.ts'
import { GOOD, localFiles } from '../../../test/fakes/ignition-documents.ts'
import { readYaml } from '../../configs/drivers/yaml.ts'
import { transpileButane } from './butane.ts'
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
      { label: 'esp-1', sizeMiB: 127, typeGuid: 'C12A7328-F81F-11D2-BA4B-00C04FC93EC9' },
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
})
