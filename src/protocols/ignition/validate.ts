import { checkConfig } from './checks.ts'
import type { DocumentEntry, DocumentNode, Problem } from './document.ts'
import { ROOT } from './fields.ts'
import { Findings } from './findings.ts'
import { Reader, shown } from './reading.ts'
import { EDITIONS, type Edition } from './schema.ts'

/** What is wrong with plain Ignition (3.0.0 to 3.5.0). */
export function validateIgnition(document: DocumentNode): readonly Problem[] {
  const findings = new Findings('ignition')
  const edition = editionOf(document, findings)
  if (!edition) return findings.problems
  const config = new Reader(edition, findings).struct(withoutVersion(document), ROOT, null)
  if (config) checkConfig(config, edition, findings)
  return findings.problems
}

function entryOf(node: DocumentNode | undefined, key: string): DocumentEntry | undefined {
  return node?.kind === 'map' ? node.entries.find((entry) => entry.key === key) : undefined
}

function editionOf(document: DocumentNode, findings: Findings): Edition | undefined {
  if (document.kind !== 'map') {
    const hint = 'begin with {"ignition": {"version": "3.3.0"}}'
    findings.error({ path: null, at: document.at }, 'an Ignition config is a map of fields', hint)
    return undefined
  }
  const butane = entryOf(document, 'variant')
  if (butane) {
    const hint = 'make it a config of kind butane'
    findings.error({ path: { above: null, step: 'variant' }, at: butane.keyAt }, 'this is Butane, not Ignition', hint)
    return undefined
  }
  const ignition = entryOf(document, 'ignition')
  const version = entryOf(ignition?.value, 'version')
  const old = entryOf(document, 'ignitionVersion')
  const path = { above: { above: null, step: 'ignition' }, step: 'version' }
  const versions = EDITIONS.filter(({ language }) => language === 'ignition').map((each) => each.version)
  const hint = `Ignition has ${versions.join(', ')}`
  if (old) {
    findings.error({ path, at: old.keyAt }, 'Ignition 1 is not supported', 'write it as Butane, or as Ignition 3')
    return undefined
  }
  if (version?.value.kind !== 'scalar' || version.value.value === null) {
    const at = version?.value.at ?? ignition?.value.at ?? document.at
    findings.error({ path, at }, 'ignition.version is required', hint)
    return undefined
  }
  const { text, at } = version.value
  const edition = EDITIONS.find((each) => each.language === 'ignition' && each.version === text)
  if (edition) return edition
  if (/^2\./.test(text)) {
    const next =
      'write it as Butane (variant: flatcar), or as Ignition 3: see "From Version 2.3.0 to 3.0.0" of its notes'
    findings.error({ path, at }, `Ignition ${text} is not supported`, next)
  } else findings.error({ path, at }, `the version ${shown(text)} of Ignition is not known here`, hint)
  return undefined
}

/** The version is no field of the tables: Butane does not have it there. */
function withoutVersion(document: DocumentNode): DocumentNode {
  if (document.kind !== 'map') return document
  const entries = document.entries.map((entry) => {
    if (entry.key !== 'ignition' || entry.value.kind !== 'map') return entry
    const rest = entry.value.entries.filter(({ key }) => key !== 'version')
    return { ...entry, value: { ...entry.value, entries: rest } }
  })
  return { ...document, entries }
}
