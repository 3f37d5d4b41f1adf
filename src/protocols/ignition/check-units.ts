import { doubles } from './doubles.ts'
import type { Findings } from './findings.ts'
import { shown } from './reading.ts'
import { flagOf, type Struct, structsOf, textOf } from './values.ts'

/** Suffixes of systemd.unit(5). */
const SUFFIX = /\.(service|socket|device|mount|automount|swap|target|path|timer|snapshot|slice|scope)$/
const LONGEST_LINE = 2048
const LONGEST_NAME = 255

export function checkUnits(systemd: Struct | undefined, findings: Findings): void {
  const units = structsOf(systemd, 'units')
  doubles(units, 'name', findings)
  for (const unit of units) {
    checkName(unit, findings)
    const sections = checkContents(unit, findings)
    const dropins = structsOf(unit, 'dropins')
    doubles(dropins, 'name', findings)
    const inDropins = dropins.map((dropin) => {
      const name = textOf(dropin, 'name')
      if (name !== undefined && (!name.endsWith('.conf') || name.includes('/')))
        findings.error(findings.where(dropin, 'name'), `${shown(name)} is no name of a drop-in`, 'it ends in .conf')
      return checkContents(dropin, findings)
    })
    checkEnabled(unit, sections, inDropins, findings)
  }
}

function checkName(unit: Struct, findings: Findings): void {
  const name = textOf(unit, 'name')
  if (name === undefined) return
  const at = findings.where(unit, 'name')
  if (!SUFFIX.test(name))
    findings.error(at, `${shown(name)} does not end as a unit does`, 'add .service, .timer, .mount or what it is')
  else if (name.includes('/') || name.length > LONGEST_NAME || name.startsWith('.'))
    findings.error(at, `${shown(name)} is no name of a unit`)
  else if (/[^A-Za-z0-9:_.\\@-]/.test(name)) findings.warn(at, `systemd does not read a unit named ${shown(name)}`)
}

function checkEnabled(
  unit: Struct,
  sections: ReadonlySet<string> | undefined,
  dropins: readonly (ReadonlySet<string> | undefined)[],
  findings: Findings,
): void {
  if (!flagOf(unit, 'enabled')) return
  if (flagOf(unit, 'mask')) {
    findings.warn(findings.where(unit, 'mask'), 'a unit that is masked is not started, though it is enabled')
    return
  }
  // A unit of the image itself may have one.
  if (!sections || sections.size === 0 || sections.has('Install')) return
  if (dropins.some((each) => each?.has('Install'))) return
  const hint = 'add [Install] with WantedBy=multi-user.target'
  findings.warn(
    findings.where(unit, 'enabled'),
    'the unit is enabled, but has no [Install] section, so it is not',
    hint,
  )
}

/** Reads contents as systemd.syntax(7) has them; returns the sections. */
function checkContents(unit: Struct, findings: Findings): ReadonlySet<string> | undefined {
  const contents = textOf(unit, 'contents')
  if (contents === undefined) return undefined
  const at = findings.where(unit, 'contents')
  const sections = new Set<string>()
  let continued = false
  for (const [index, line] of contents.split('\n').entries()) {
    const number = `line ${index + 1} of it`
    if (line.length > LONGEST_LINE) {
      findings.error(at, `${number} is longer than ${LONGEST_LINE} letters`, 'continue it with \\ at its end')
      return undefined
    }
    // Ignition's reader knows no comments inside a value that goes on, though systemd does.
    if (continued) {
      continued = line.trim() !== '' && line.endsWith('\\')
      continue
    }
    const bare = line.trim()
    if (/^[#;]/.test(bare)) continue
    if (bare === '') continue
    const [, section, rest] = /^\[([^\]]*)\](.*)$/.exec(bare) ?? []
    if (section !== undefined) {
      if (rest !== '') {
        findings.error(at, `${number} has something behind the section [${section}]`, 'give it a line of its own')
        return undefined
      }
      sections.add(section)
    } else if (bare.startsWith('[')) {
      findings.error(at, `${number} begins a section that does not end`, 'add ]')
      return undefined
    } else if (sections.size === 0) {
      findings.warn(
        at,
        `${number} is before the first section, so it is not read`,
        'begin with [Unit] or another section',
      )
    } else if (!bare.includes('=')) {
      findings.error(at, `${number} is no setting: ${shown(bare)}`, 'a setting is NAME=VALUE')
      return undefined
    } else continued = line.endsWith('\\')
  }
  return sections
}
