import type { DocumentEntry, DocumentNode } from './document.ts'
import type { Findings, Path } from './findings.ts'
import { shown } from './reading.ts'

/**
 * Container Linux Config, the language of the Container Linux Config Transpiler, which Butane took the place of: it has no variant.
 * What Butane has too is read as flatcar 1.0.0, and each field that is written in another way now is told. Source: "Migrating from
 * Container Linux Config" (coreos.github.io/butane, flatcar.org/docs/latest/provisioning/config-transpiler).
 */
const SECTIONS: Readonly<Record<string, string>> = {
  etcd: 'write a drop-in of etcd-member.service below systemd.units',
  flannel: 'write a drop-in of flanneld.service below systemd.units',
  docker: 'write a drop-in of docker.service below systemd.units, or /etc/docker/daemon.json below storage.files',
  locksmith: 'write REBOOT_STRATEGY=… into /etc/flatcar/update.conf below storage.files',
  update: 'write GROUP=… and SERVER=… into /etc/flatcar/update.conf below storage.files',
  networkd: 'write each unit as a file /etc/systemd/network/NAME.network below storage.files',
}

const FILE_NAMED = new Set(['root'])

export function isLegacy(document: DocumentNode): boolean {
  if (document.kind !== 'map' || find(document, 'variant')) return false
  const ignition = find(document, 'ignition')?.value
  const version = ignition && find(ignition, 'version')?.value
  if (version?.kind === 'scalar' && /^2\./.test(version.text)) return true
  if (document.entries.some(({ key }) => Object.hasOwn(SECTIONS, key))) return true
  // Without a version either, and with anything that only this language has.
  if (find(document, 'version')) return false
  return itemsOf(document, 'storage', 'files').some((file) => find(file, 'filesystem')) || hasEnable(document)
}

const hasEnable = (document: DocumentNode) => itemsOf(document, 'systemd', 'units').some((unit) => find(unit, 'enable'))

function find(node: DocumentNode, key: string): DocumentEntry | undefined {
  return node.kind === 'map' ? node.entries.find((entry) => entry.key === key) : undefined
}

function itemsOf(document: DocumentNode, section: string, list: string): readonly DocumentNode[] {
  const inside = find(document, section)?.value
  const found = inside && find(inside, list)?.value
  return found?.kind === 'list' ? found.items : []
}

/** The document as flatcar 1.0.0; what cannot be lifted is told as an error. */
export function liftLegacy(document: DocumentNode, findings: Findings): DocumentNode {
  if (document.kind !== 'map') return document
  const message = 'this is a Container Linux Config, not Butane'
  const hint = 'begin it with variant: flatcar and version: 1.0.0, then change what is told below'
  findings.warn({ path: null, at: document.at }, message, hint)
  return new Lift(findings).document(document.entries, document)
}

type Rewrite = (entry: DocumentEntry, path: Path) => DocumentEntry | DocumentEntry[]

class Lift {
  readonly #findings: Findings

  constructor(findings: Findings) {
    this.#findings = findings
  }

  document(entries: readonly DocumentEntry[], document: DocumentNode): DocumentNode {
    const lifted = entries.flatMap((entry) => {
      const path = { above: null, step: entry.key }
      if (Object.hasOwn(SECTIONS, entry.key)) {
        this.#findings.error(
          { path, at: entry.keyAt },
          `the section ${entry.key} is not of Butane`,
          SECTIONS[entry.key],
        )
        return []
      }
      if (entry.key === 'ignition') return this.#inside(entry, path, (each, at) => this.#ignition(each, at))
      if (entry.key === 'storage') return this.#inside(entry, path, (each, at) => this.#storage(each, at))
      if (entry.key === 'systemd')
        return this.#inside(entry, path, (each, at) => this.#each(each, at, 'units', this.#unit))
      if (entry.key === 'passwd')
        return this.#inside(entry, path, (each, at) => this.#each(each, at, 'users', this.#user))
      return entry
    })
    return { ...document, kind: 'map', entries: lifted }
  }

  #inside(entry: DocumentEntry, path: Path, rewrite: Rewrite): DocumentEntry {
    return { ...entry, value: this.#map(entry.value, path, rewrite) }
  }

  #map(node: DocumentNode, path: Path, rewrite: Rewrite): DocumentNode {
    if (node.kind !== 'map') return node
    return { ...node, entries: node.entries.flatMap((entry) => rewrite(entry, { above: path, step: entry.key })) }
  }

  #each(entry: DocumentEntry, path: Path, list: string, rewrite: Rewrite): DocumentEntry {
    if (entry.key !== list || entry.value.kind !== 'list') return entry
    const items = entry.value.items.map((item, index) => this.#map(item, { above: path, step: index }, rewrite))
    return { ...entry, value: { ...entry.value, items } }
  }

  #drop({ keyAt }: DocumentEntry, path: Path, message: string, hint: string): [] {
    this.#findings.warn({ path, at: keyAt }, message, hint)
    return []
  }

  #refuse({ keyAt }: DocumentEntry, path: Path, message: string, hint: string): [] {
    this.#findings.error({ path, at: keyAt }, message, hint)
    return []
  }

  #ignition(entry: DocumentEntry, path: Path): DocumentEntry | DocumentEntry[] {
    if (entry.key === 'version')
      return this.#drop(entry, path, 'Butane chooses the version of Ignition', 'leave ignition.version out')
    if (entry.key !== 'config') return entry
    return this.#inside(entry, path, (each, at) => {
      if (each.key !== 'append') return each
      this.#findings.warn(
        { path: at, at: each.keyAt },
        'configs are merged now, not appended',
        'write merge for append',
      )
      return { ...each, key: 'merge' }
    })
  }

  #storage(entry: DocumentEntry, path: Path): DocumentEntry {
    for (const list of ['files', 'directories', 'links'])
      if (entry.key === list) return this.#each(entry, path, list, this.#node)
    if (entry.key === 'filesystems') return this.#each(entry, path, 'filesystems', this.#filesystem)
    if (entry.key !== 'disks') return entry
    return this.#each(entry, path, 'disks', (disk, at) => this.#each(disk, at, 'partitions', this.#partition))
  }

  readonly #node: Rewrite = (entry, path) => {
    const { key, value } = entry
    if (key === 'filesystem') {
      if (value.kind === 'scalar' && FILE_NAMED.has(value.text))
        return this.#drop(entry, path, 'files are named by their whole path now', 'leave filesystem out')
      const hint = 'give the filesystem a path, and write the whole path of the file'
      return this.#refuse(entry, path, 'files are named by their whole path now', hint)
    }
    if (key === 'append' && value.kind === 'scalar') {
      if (value.value === false) return this.#drop(entry, path, 'append is a list of contents now', 'leave it out')
      return this.#refuse(entry, path, 'append is a list of contents now', 'write append: [{inline: …}] for contents')
    }
    return key === 'contents' ? this.#inside(entry, path, this.#contents) : entry
  }

  readonly #contents: Rewrite = (entry, path) => {
    if (entry.key !== 'remote' || entry.value.kind !== 'map') return entry
    this.#findings.warn({ path, at: entry.keyAt }, 'contents have no field remote', 'write source for remote.url')
    return entry.value.entries.flatMap((each) => {
      if (each.key === 'url') return { ...each, key: 'source' }
      return each.key === 'verification' ? this.#inside(each, { above: path, step: each.key }, this.#hash) : each
    })
  }

  readonly #hash: Rewrite = (entry, path) => {
    if (entry.key !== 'hash' || entry.value.kind !== 'map') return entry
    const kind = find(entry.value, 'function')?.value
    const sum = find(entry.value, 'sum')?.value
    if (kind?.kind !== 'scalar' || sum?.kind !== 'scalar') return entry
    this.#findings.warn({ path, at: entry.keyAt }, 'a hash is one text now', `write hash: ${kind.text}-…`)
    return { ...entry, value: { ...sum, value: `${kind.text}-${sum.text}`, text: `${kind.text}-${sum.text}` } }
  }

  readonly #filesystem: Rewrite = (entry, path) => {
    if (entry.key === 'name')
      return this.#drop(entry, path, 'filesystems have no name', 'leave it out; path says where it is')
    if (entry.key === 'path') {
      const hint = 'a filesystem that is there already is described by device, format and path'
      return this.#refuse(entry, path, 'a filesystem is not named by a path alone', hint)
    }
    if (entry.key !== 'mount' || entry.value.kind !== 'map') return entry
    const hint = 'write its fields beside each other, and say path'
    this.#findings.warn({ path, at: entry.keyAt }, 'filesystems have no field mount', hint)
    return entry.value.entries.flatMap((each) => {
      if (each.key !== 'create') return each
      const inside = { above: path, step: each.key }
      return this.#refuse(each, inside, 'a filesystem has no field create', 'write wipe_filesystem and options')
    })
  }

  readonly #partition: Rewrite = (entry, path) => {
    if (entry.key !== 'size' && entry.key !== 'start') return entry
    const said = entry.value.kind === 'scalar' ? entry.value.text : ''
    const [, amount, unit] = /^(\d+)\s*([KMGT]iB)?$/.exec(said) ?? []
    const mib = { KiB: 1 / 1024, MiB: 1, GiB: 1024, TiB: 1024 * 1024 }[unit ?? '']
    const number = amount === '0' ? 0 : mib === undefined ? undefined : Number(amount) * mib
    if (number === undefined || !Number.isInteger(number)) {
      const hint = `write ${entry.key}_mib with a whole number`
      return this.#refuse(entry, path, `${entry.key} is said in MiB, which ${shown(said)} is not`, hint)
    }
    this.#findings.warn({ path, at: entry.keyAt }, `${entry.key} is said in MiB`, `write ${entry.key}_mib: ${number}`)
    const { at } = entry.value
    const value = { kind: 'scalar', at, value: number, text: String(number), quoted: false } as const
    return { ...entry, key: `${entry.key}_mib`, value }
  }

  readonly #unit: Rewrite = (entry, path) => {
    if (entry.key !== 'enable') return entry
    this.#findings.warn({ path, at: entry.keyAt }, 'enable is called enabled now', 'write enabled')
    return { ...entry, key: 'enabled' }
  }

  readonly #user: Rewrite = (entry, path) => {
    if (entry.key !== 'create' && entry.key !== 'home_directory') return entry
    if (entry.key === 'home_directory') {
      this.#findings.warn({ path, at: entry.keyAt }, 'home_directory is called home_dir now', 'write home_dir')
      return { ...entry, key: 'home_dir' }
    }
    const hint = 'write the fields of create beside name'
    return this.#refuse(entry, path, 'a user has no field create', hint)
  }
}
