const STEPS = [
  { seconds: 86_400, unit: 'd' },
  { seconds: 3600, unit: 'h' },
  { seconds: 60, unit: 'min' },
  { seconds: 1, unit: 's' },
]

/** A length of time in its two largest units at most: `2 h 5 min`. */
export function duration(milliseconds: number): string {
  let rest = Math.max(0, Math.round(milliseconds / 1000))
  const parts: string[] = []
  for (const { seconds, unit } of STEPS) {
    const count = Math.floor(rest / seconds)
    if (count > 0) parts.push(`${count} ${unit}`)
    rest -= count * seconds
  }
  return parts.slice(0, 2).join(' ') || '0 s'
}

/** `5 min ago`, from an ISO time; `null` stays empty. */
export function ago(iso: string | null, now: number): string {
  if (iso === null) return ''
  const past = now - Date.parse(iso)
  return past < 1000 && past > -1000 ? 'now' : past < 0 ? `in ${duration(-past)}` : `${duration(past)} ago`
}

/** Bytes in binary units, as disks of virtual machines and memory are counted. */
export function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const power = count < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(count) / 10))
  const value = count / 1024 ** power
  return `${power === 0 ? value : value.toFixed(value < 10 ? 2 : 1)} ${units[power]}`
}

/** Gibibytes of `10`, `10G` or `10GiB`, and mebibytes for memory likewise; `undefined` for anything else. */
export function readSize(text: string, unit: 'M' | 'G'): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([MGT])?(?:i?B)?$/i.exec(text.trim())
  if (!match) return undefined
  const power = { M: 2, G: 3, T: 4 }
  const given = (match[2]?.toUpperCase() ?? unit) as 'M' | 'G' | 'T'
  return (Number(match[1]) * 1024 ** power[given]) / 1024 ** power[unit]
}

/** Local time of day with milliseconds. */
export function timeOfDay(iso: string): string {
  const at = new Date(iso)
  const [hours, minutes, seconds] = [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) =>
    String(part).padStart(2, '0'),
  )
  return `${hours}:${minutes}:${seconds}.${String(at.getMilliseconds()).padStart(3, '0')}`
}
