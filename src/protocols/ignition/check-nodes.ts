import type { SourceChecks } from './check-sources.ts'
import type { Findings, Spot } from './findings.ts'
import { shown } from './reading.ts'
import { flagOf, isSaid, numberOf, type Struct, structOf, structsOf, textOf } from './values.ts'

const KINDS = ['files', 'directories', 'links'] as const
const WHAT = { files: 'file', directories: 'directory', links: 'link' } as const
const SPECIAL_BITS = 0o7000
const MOST_MODE = 0o7777

/** What is wrong with a path of the target system. */
export function pathFault(path: string): string | undefined {
  if (path === '') return 'the path is empty'
  if (!path.startsWith('/')) return `the path ${shown(path)} is not absolute`
  if (path.includes('\u0000')) return 'the path has a NUL in it'
  const parts = path.split('/').slice(1)
  const clean = path === '/' || parts.every((part) => part !== '' && part !== '.' && part !== '..')
  return clean ? undefined : `the path ${shown(path)} is not the shortest one`
}

export function checkPath(struct: Struct, name: string, findings: Findings): void {
  const path = textOf(struct, name)
  const fault = path === undefined ? undefined : pathFault(path)
  if (!fault) return
  const hint = fault.endsWith('absolute') ? 'begin it with /' : 'write it without //, . , .. and a / at the end'
  findings.error(findings.where(struct, name), fault, hint)
}

type Node = Readonly<{ kind: (typeof KINDS)[number]; node: Struct; path: string }>

/** Files, directories and links. */
export function checkNodes(
  storage: Struct | undefined,
  sources: SourceChecks,
  minor: number,
  findings: Findings,
): void {
  const nodes: Node[] = []
  for (const kind of KINDS)
    for (const node of structsOf(storage, kind)) {
      checkPath(node, 'path', findings)
      checkOwners(node, findings)
      checkMode(node, minor, findings)
      nodes.push({ kind, node, path: textOf(node, 'path') ?? '' })
    }
  for (const file of structsOf(storage, 'files')) {
    sources.resource(structOf(file, 'contents'), 'optional')
    for (const each of structsOf(file, 'append')) sources.resource(each, 'wanted')
    if (flagOf(file, 'overwrite') && textOf(structOf(file, 'contents'), 'source') === undefined) {
      const hint = 'say contents (inline: "" for an empty file), or leave overwrite out'
      findings.error(findings.where(file, 'overwrite'), 'a file that overwrites needs contents', hint)
    }
  }
  checkPlaces(nodes, findings)
  checkLinks(nodes, findings)
}

function checkOwners(node: Struct, findings: Findings): void {
  for (const name of ['user', 'group']) {
    const owner = structOf(node, name)
    if (!owner) continue
    const id = numberOf(owner, 'id')
    if (id !== undefined && textOf(owner, 'name'))
      findings.error(findings.where(node, name), 'both id and name are said', 'keep one of them')
    if (id !== undefined && (id < 0 || id > 0xfffffffe))
      findings.error(findings.where(owner, 'id'), `${id} is no number of a ${name}`)
  }
}

/** As Butane guesses it: a mode that cannot be meant, but whose decimal digits could. */
export function looksDecimal(mode: number): boolean {
  const digits = String(mode)
  if (!/^[0-7]{3,4}$/.test(digits)) return false
  return !isLikely(mode) && isLikely(Number.parseInt(digits, 8))
}

/** Who may write may read; the group may no more than the owner, the others no more than the group. */
function isLikely(mode: number): boolean {
  const [owner, group, others] = [(mode >> 6) & 7, (mode >> 3) & 7, mode & 7] as const
  if ([owner, group, others].some((each) => (each & 6) === 2)) return false
  return (owner & 4) !== 0 && (group & ~owner) === 0 && (others & ~group) === 0
}

function checkMode(node: Struct, minor: number, findings: Findings): void {
  const mode = numberOf(node, 'mode')
  if (mode === undefined) return
  const at = findings.where(node, 'mode')
  if (mode < 0 || mode > MOST_MODE) {
    const octal = /^[0-7]{3,4}$/.test(String(mode)) ? `write 0${mode}` : 'write it in octal, as 0644'
    findings.error(at, `the mode ${mode} is not between 0 and 07777`, octal)
    return
  }
  if (looksDecimal(mode)) {
    const octal = `0${mode.toString(8).padStart(3, '0')}`
    const message = `the mode ${mode} is decimal, in octal ${octal}: probably 0${mode} was meant`
    findings.warn(at, message, `write 0${mode}`)
  } else if ((mode & SPECIAL_BITS) !== 0 && minor < 4) {
    const hint = 'Ignition 3.4.0 (fcos 1.5.0, flatcar 1.1.0) sets them'
    findings.warn(at, 'setuid, setgid and sticky bits are not set by this version', hint)
  }
}

/** No two nodes at one path, and nothing below what is no directory. */
function checkPlaces(nodes: readonly Node[], findings: Findings): void {
  const taken = new Map<string, Node>()
  for (const each of nodes) {
    const { kind, node, path } = each
    const other = taken.get(path)
    if (other && path !== '') {
      const hint = other.kind === kind ? 'keep one of them' : `a ${WHAT[other.kind]} has the same path`
      findings.error(findings.where(node, 'path'), `the path ${shown(path)} is there twice`, hint)
    } else taken.set(path, each)
  }
  for (const { kind, node, path } of nodes) {
    let above = path
    // Paths are bounded by the document's size, but not by anything less.
    for (let depth = 0; depth < 200; depth++) {
      const slash = above.lastIndexOf('/')
      if (slash <= 0) break
      above = above.slice(0, slash)
      const other = taken.get(above)
      if (!other || other.kind === 'directories') continue
      const at = findings.where(node, 'path')
      if (other.kind === 'files') {
        const hint = `${above} is a file of this document; make it a directory`
        findings.error(at, `the ${WHAT[kind]} ${shown(path)} is below a file`, hint)
      } else if (!flagOf(other.node, 'hard')) {
        const hint = `write it below ${textOf(other.node, 'target') ?? 'where the link points'}`
        findings.error(at, `the ${WHAT[kind]} ${shown(path)} is below the link ${above}`, hint)
      }
      break
    }
  }
}

function checkLinks(nodes: readonly Node[], findings: Findings): void {
  const directories = new Set(nodes.filter(({ kind }) => kind === 'directories').map(({ path }) => path))
  for (const { kind, node } of nodes) {
    if (kind !== 'links') continue
    const target = textOf(node, 'target')
    const at: Spot = findings.where(node, 'target')
    if (!target) findings.error(at, 'target is required', 'say what the link points to')
    else if (flagOf(node, 'hard') && directories.has(target))
      findings.error(at, 'a hard link cannot point to a directory', 'make it a symbolic one')
    if (flagOf(node, 'hard') && (isSaid(node.user) || isSaid(node.group)))
      findings.warn(findings.where(node, isSaid(node.user) ? 'user' : 'group'), 'a hard link has no owner of its own')
  }
}
