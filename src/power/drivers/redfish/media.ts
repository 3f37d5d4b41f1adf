import { type Document, field, linkOf, text, texts } from './fields.ts'
import type { InsertWay, Oddities } from './oddities.ts'

/** What is in a drive; `null` when it is empty. Some keep the address of a disc that was taken out: then they are not connected. */
export function insertedIn(drive: Document): string | null {
  const image = text(field(drive, 'Image'), 2000) ?? text(field(drive, 'ImageName'), 2000)
  const inserted = field(drive, 'Inserted')
  const connected = text(field(drive, 'ConnectedVia'))
  if (inserted === false || connected === 'NotConnected') return null
  if (inserted === true || connected !== null) return image ?? 'a disc'
  return image
}

export function takesDiscs(drive: Document): boolean {
  const types = texts(field(drive, 'MediaTypes')).map((type) => type.toUpperCase())
  return types.length === 0 || types.includes('CD') || types.includes('DVD')
}

/** Path of an action; `undefined` when the drive has none, and must be patched. */
export function actionOf(drive: Document, name: 'InsertMedia' | 'EjectMedia'): string | undefined {
  const target = field(drive, 'Actions', `#VirtualMedia.${name}`, 'target')
  return linkOf({ '@odata.id': target })
}

/** The bodies to try, in their order, to put a disc in. */
export function insertBodies(url: string, oddities: Oddities): readonly Document[] {
  const inserted = { Image: url, Inserted: true, WriteProtected: true }
  const bodies: Readonly<Record<InsertWay, Document>> = {
    image: { Image: url },
    inserted,
    protocol: {
      Image: url,
      TransferProtocolType: new URL(url).protocol === 'https:' ? 'HTTPS' : 'HTTP',
      TransferMethod: 'Stream',
    },
  }
  return oddities.insert.map((way) => bodies[way])
}

/** The bodies to try where a drive is patched: some want to be told that a disc is in, others refuse that (iLO 4). */
export function patchBodies(url: string | null): readonly Document[] {
  return url === null
    ? [{ Image: null, Inserted: false }, { Image: null }]
    : [{ Image: url, Inserted: true, WriteProtected: true }, { Image: url }]
}
