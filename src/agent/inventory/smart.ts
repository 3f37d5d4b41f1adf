import type { Inventory } from '../../api/contract/agent.ts'

type Health = Inventory['disks'][number]['health']

/**
 * What `smartctl -j -H -A` says, in words: the verdict of the disk itself and the figures that foretell its end. `null` when the disk does
 * not tell, as virtual ones do not, or the text is no such answer.
 */
export function readSmart(text: string): Health {
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch {
    return null
  }
  const passed = at(answer, 'smart_status', 'passed')
  if (typeof passed !== 'boolean') return null
  const figures: string[] = []
  const tell = (value: unknown, words: (figure: number) => string) => {
    if (typeof value === 'number' && Number.isFinite(value)) figures.push(words(value))
  }
  tell(at(answer, 'temperature', 'current'), (degrees) => `${degrees} °C`)
  tell(at(answer, 'power_on_time', 'hours'), (hours) => `${hours} hours on`)
  tell(attribute(answer, 5), (count) => `${count} sectors reallocated`)
  tell(attribute(answer, 197), (count) => `${count} sectors pending`)
  tell(attribute(answer, 198), (count) => `${count} sectors unreadable`)
  const nvme = at(answer, 'nvme_smart_health_information_log')
  tell(at(nvme, 'percentage_used'), (percent) => `${percent} % of its endurance used`)
  tell(at(nvme, 'available_spare'), (percent) => `${percent} % spare left`)
  tell(at(nvme, 'media_errors'), (count) => `${count} media errors`)
  tell(at(nvme, 'critical_warning'), (bits) => (bits === 0 ? 'no critical warning' : `critical warning ${bits}`))
  tell(at(answer, 'scsi_grown_defect_list'), (count) => `${count} grown defects`)
  const verdict = passed ? 'The disk says that it is well' : 'The disk says that it is failing'
  return { passed, detail: [verdict, ...figures].join('; ').slice(0, 1000) }
}

/** The raw value of an ATA attribute. */
function attribute(answer: unknown, id: number): unknown {
  const table = at(answer, 'ata_smart_attributes', 'table')
  if (!Array.isArray(table)) return undefined
  return at(
    table.find((row) => at(row, 'id') === id),
    'raw',
    'value',
  )
}

function at(value: unknown, ...keys: string[]): unknown {
  for (const key of keys) {
    if (typeof value !== 'object' || value === null) return undefined
    value = Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined
  }
  return value
}
