import { WrongUse } from '../failure.ts'

/** `NAME`, or `NAME@SNAPSHOT` for what the volume held at a snapshot. */
export function readVolumeReference(text: string): { volume: string; snapshot: string | null } {
  const match = /^([^@]+)(?:@([^@]+))?$/.exec(text)
  if (!match) throw new WrongUse(`${JSON.stringify(text)} is not a volume; write NAME or NAME@SNAPSHOT`)
  return { volume: match[1]!, snapshot: match[2] ?? null }
}

/** The same, where the snapshot may also be an option. */
export function readContent(text: string, option: string | undefined): { volume: string; snapshot: string | null } {
  const { volume, snapshot } = readVolumeReference(text)
  if (snapshot !== null && option !== undefined) throw new WrongUse('give NAME@SNAPSHOT or --snapshot, not both')
  return { volume, snapshot: snapshot ?? option ?? null }
}
