import { dataUrl, escapedUrl, fromUtf8, type Gzip, utf8 } from './data-url.ts'
import type { Findings, Spot } from './findings.ts'
import type { Edition } from './schema.ts'
import { type Struct, structOf, structsOf, textOf, textsOf } from './values.ts'

/** What a document includes from beside it (`local`), by relative path, as bytes. */
export type LocalFiles = Readonly<{
  file: (path: string) => Uint8Array | undefined
  /** The paths that begin with `folder/`, for `trees`; without it there are no trees. */
  list?: (folder: string) => readonly string[]
  /** Whether a file of a tree is a program. */
  executable?: (path: string) => boolean
  /** For contents that are shorter so; without it nothing is packed. */
  gzip?: Gzip | undefined
}>

/** Replaces everything that is written inline or taken from local files by what Ignition knows. */
export class Embedding {
  readonly #local: LocalFiles
  readonly #edition: Edition
  readonly #findings: Findings

  constructor(local: LocalFiles, edition: Edition, findings: Findings) {
    this.#local = local
    this.#edition = edition
    this.#findings = findings
  }

  embed(config: Struct): void {
    const ignition = structOf(config, 'ignition')
    const references = structOf(ignition, 'config')
    for (const each of structsOf(references, 'merge')) this.#resource(each)
    this.#resource(structOf(references, 'replace'))
    const tls = structOf(structOf(ignition, 'security'), 'tls')
    for (const each of structsOf(tls, 'certificateAuthorities')) this.#resource(each)
    const storage = structOf(config, 'storage')
    for (const file of structsOf(storage, 'files')) {
      this.#resource(structOf(file, 'contents'))
      for (const each of structsOf(file, 'append')) this.#resource(each)
    }
    for (const luks of structsOf(storage, 'luks')) this.#resource(structOf(luks, 'keyFile'))
    for (const unit of structsOf(structOf(config, 'systemd'), 'units')) {
      this.#unit(unit)
      for (const dropin of structsOf(unit, 'dropins')) this.#unit(dropin)
    }
    for (const user of structsOf(structOf(config, 'passwd'), 'users')) this.#keys(user)
  }

  /** Bytes of a local file; what is wrong is told at `spot`. */
  file(path: string, spot: Spot): Uint8Array | undefined {
    const fault = localPathFault(path)
    if (fault) return this.#refuse(spot, fault, 'name it as the parts of the config are named')
    const bytes = this.#local.file(path)
    if (bytes) return bytes
    return this.#refuse(spot, `there is no local file ${path}`, `add a part ${path} to the config`)
  }

  /**
   * `contents` of a file that is known as bytes. `compression` is what the document says of them: what is packed already is not packed
   * again. It is always written, so that none is taken over from a config that this one is merged into.
   */
  contents(bytes: Uint8Array, compression?: string): Readonly<{ source: string; compression: string }> {
    const said = compression === undefined || compression === '' ? undefined : compression
    // The first specification has one way to write them.
    if (this.#edition.ignition === 0) return { source: escapedUrl(bytes), compression: said ?? '' }
    const made = dataUrl(bytes, said === undefined ? this.#local.gzip : undefined)
    return { source: made.source, compression: said ?? made.compression }
  }

  #refuse(spot: Spot, message: string, hint: string): undefined {
    this.#findings.error(spot, message, hint)
    return undefined
  }

  #resource(resource: Struct | undefined): void {
    if (!resource) return
    const given = ['source', 'inline', 'local'].filter((name) => resource[name] !== undefined)
    const inline = textOf(resource, 'inline')
    const local = textOf(resource, 'local')
    const spot = this.#findings.where(resource, inline === undefined ? 'local' : 'inline')
    if (given.length > 1) {
      const at = this.#findings.where(resource, given.includes('source') ? 'source' : 'inline')
      this.#findings.error(
        at,
        `only one of inline, local and source can be said, not ${given.join(' and ')}`,
        'keep one',
      )
    }
    delete resource.inline
    delete resource.local
    if (given.length !== 1 || given[0] === 'source') return
    const bytes = inline === undefined ? this.file(local!, spot) : utf8(inline)
    // Without bytes there is an error already; the URL keeps later checks from telling it again.
    const { source, compression } = this.contents(bytes ?? new Uint8Array(), textOf(resource, 'compression'))
    resource.source = source
    this.#findings.placeField(resource, 'source', spot)
    if (textOf(resource, 'compression') !== compression) resource.compression = compression
  }

  #unit(unit: Struct): void {
    const local = textOf(unit, 'contents_local')
    if (local === undefined) return
    const spot = this.#findings.where(unit, 'contents_local')
    delete unit.contents_local
    if (unit.contents !== undefined) {
      this.#findings.error(spot, 'only one of contents and contents_local can be said', 'keep one')
      return
    }
    const text = this.#text(local, spot)
    if (text === undefined) return
    unit.contents = text
    this.#findings.placeField(unit, 'contents', spot)
  }

  #keys(user: Struct): void {
    const locals = textsOf(user, 'ssh_authorized_keys_local')
    delete user.ssh_authorized_keys_local
    if (locals.length === 0) return
    const keys = [...textsOf(user, 'sshAuthorizedKeys')]
    const made: string[] = []
    if (user.sshAuthorizedKeys !== undefined) this.#findings.inherit(made, user.sshAuthorizedKeys as object)
    else this.#findings.adopt(made, this.#findings.where(locals))
    made.push(...keys)
    locals.forEach((path, index) => {
      const spot = this.#findings.where(locals, String(index))
      for (const line of (this.#text(path, spot) ?? '').split(/[\r\n]+/)) {
        if (line.trim() === '') continue
        this.#findings.placeField(made, String(made.length), spot)
        made.push(line)
      }
    })
    user.sshAuthorizedKeys = made
  }

  #text(path: string, spot: Spot): string | undefined {
    const bytes = this.file(path, spot)
    if (!bytes) return undefined
    const text = fromUtf8(bytes)
    return text ?? this.#refuse(spot, `the local file ${path} is no text`, 'it must be UTF-8')
  }
}

export function localPathFault(path: string): string | undefined {
  if (path === '') return 'a local file has a name'
  if (path.startsWith('/') || path.split('/').includes('..')) return `the local path ${path} leads out of the config`
  return undefined
}
