import { Problem } from './messages.ts'

export const MEDIA_TYPES = ['CD', 'DVD'] as const
const INSERT = 'VirtualMedia.InsertMedia'
/** Longest address or name of an image. */
const MOST = 2000

/** Parameters of InsertMedia (DSP0268, VirtualMedia) and what they may be here. `undefined`: any text. */
const ACCEPTED: Readonly<Record<string, readonly unknown[]>> = {
  Inserted: [true],
  WriteProtected: [true],
  TransferMethod: ['Stream'],
  TransferProtocolType: ['HTTP', 'HTTPS'],
  MediaType: MEDIA_TYPES,
}

/** The image that InsertMedia names: an http(s) address, or the name of an image of this server. Throws a `Problem`. */
export function readInsert(parameters: ReadonlyMap<string, unknown>): string {
  for (const [name, value] of parameters) {
    if (name === 'Image' || value === null) continue
    const values = Object.hasOwn(ACCEPTED, name) ? ACCEPTED[name] : undefined
    if (!values) {
      const known = name === 'UserName' || name === 'Password'
      if (known && value === '') continue
      throw new Problem(
        known ? 'ActionParameterNotSupported' : 'ActionParameterUnknown',
        known ? [name, INSERT] : [INSERT, name],
        {
          property: `#/${name}`,
        },
      )
    }
    if (!values.includes(value))
      throw new Problem('ActionParameterValueNotInList', [String(value), name, INSERT], { property: `#/${name}` })
  }
  const image = parameters.get('Image')
  if (image === undefined) throw new Problem('ActionParameterMissing', [INSERT, 'Image'], { property: '#/Image' })
  return checkedImage(image)
}

/** PATCH of a VirtualMedia: how older clients insert and eject. `null` ejects. Throws a `Problem`. */
export function readMediaPatch(fields: ReadonlyMap<string, unknown>): string | null {
  const image = fields.get('Image')
  const inserted = fields.get('Inserted')
  if (image === null || image === '' || inserted === false) return null
  if (image === undefined) throw new Problem('PropertyMissing', ['Image'], { property: '#/Image' })
  return readInsert(fields)
}

function checkedImage(image: unknown): string {
  if (typeof image !== 'string')
    throw new Problem('ActionParameterValueTypeError', [INSERT, 'Image'], { property: '#/Image' })
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(image)?.[1]?.toLowerCase()
  const fine =
    scheme === undefined ? /^[A-Za-z0-9][A-Za-z0-9._@-]*$/.test(image) : /^https?$/.test(scheme) && URL.canParse(image)
  if (!fine || image.length > MOST) throw new Problem('PropertyValueFormatError', ['Image'], { property: '#/Image' })
  return image
}
