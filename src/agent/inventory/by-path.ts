import { join } from 'node:path'
import { namesIn, numberOf, textOf } from './tree.ts'

/**
 * Where a device is plugged in, in the words of udev's path_id: `pci-0000:00:1f.2-ata-1`. `device`: the real path of its folder below
 * `/sys/devices`. `null` when nothing on the way is known.
 */
export async function byPath(device: string): Promise<string | null> {
  const parts = device.split('/')
  const words: string[] = []
  const at = (index: number) => parts.slice(0, index + 1).join('/')
  for (const [i, part] of parts.entries()) {
    const last = parts.slice(i + 1).every((later) => !PCI.test(later))
    if (PCI.test(part) && last) words.push(`pci-${part}`)
    else if (parts[i - 1] === 'platform' && !parts.some((each) => PCI.test(each))) words.push(`platform-${part}`)
    else if (USB_INTERFACE.test(part)) {
      const port = part.slice(part.indexOf('-') + 1)
      const deeper = parts.slice(i + 1).some((later) => USB_INTERFACE.test(later))
      if (!deeper) words.push(`usb-0:${port}`)
    } else if (/^ata\d+$/.test(part))
      words.push(`ata-${(await numberOf(at(i), 'ata_port', part, 'port_no')) ?? part.slice(3)}`)
    else if (/^end_device-/.test(part)) words.push(await sasWord(parts, i))
    else if (SCSI.test(part) && !words.some((word) => /^(ata|sas)/.test(word))) words.push(await scsiWord(parts, i))
    else if (/^nvme\d+n\d+$/.test(part))
      words.push(`nvme-${(await textOf(device, 'nsid')) ?? part.replace(/^.*n/, '')}`)
  }
  return words.length > 0 ? words.join('-').slice(0, 200) : null
}

const PCI = /^[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/
const USB_INTERFACE = /^\d+-[\d.]+:\d+\.\d+$/
const SCSI = /^(\d+):(\d+):(\d+):(\d+)$/

/** Host numbers depend on the order of drivers: they are counted from the lowest beside it. */
async function scsiWord(parts: readonly string[], index: number): Promise<string> {
  const [, host, channel, target, unit] = SCSI.exec(parts[index]!)!
  const hostAt = parts.indexOf(`host${host}`)
  const beside = hostAt > 0 ? await namesIn(parts.slice(0, hostAt).join('/')) : []
  const numbers = beside.map((name) => /^host(\d+)$/.exec(name)?.[1]).filter((each) => each !== undefined)
  const first = Math.min(Number(host), ...numbers.map(Number))
  return `scsi-${Number(host) - first}:${channel}:${target}:${unit}`
}

async function sasWord(parts: readonly string[], index: number): Promise<string> {
  const folder = parts.slice(0, index + 1).join('/')
  const phy = await numberOf(folder, 'sas_device', parts[index]!, 'phy_identifier')
  const unit = SCSI.exec(parts.find((part) => SCSI.test(part)) ?? '')?.[4] ?? '0'
  const expanderAt = parts.findLastIndex((part) => /^expander-/.test(part))
  const expander = parts[expanderAt]
  if (expanderAt < 0) return `sas-phy${phy ?? 0}-lun-${unit}`
  const at = join(parts.slice(0, expanderAt + 1).join('/'), 'sas_device', expander!)
  return `sas-exp${(await textOf(at, 'sas_address')) ?? '0x0'}-phy${phy ?? 0}-lun-${unit}`
}
