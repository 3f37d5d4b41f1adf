import { bootDeviceStorage, grubStorage } from './boot-device.ts'
import { checkConfig } from './checks.ts'
import type { DocumentEntry, DocumentNode, Place, Problem } from './document.ts'
import { ROOT } from './fields.ts'
import { Findings } from './findings.ts'
import { isLegacy, liftLegacy } from './legacy.ts'
import { mergeOver } from './merge.ts'
import { mountUnits } from './mount-units.ts'
import { nearest } from './nearest.ts'
import { Reader, shown } from './reading.ts'
import { Embedding, type LocalFiles } from './resources.ts'
import { EDITIONS, type Edition } from './schema.ts'
import { plantTrees } from './trees.ts'
import { flagOf, type Struct, structOf, structsOf, textOf, tidy } from './values.ts'

export type { LocalFiles } from './resources.ts'

const HEADER = new Set(['variant', 'version'])
const VARIANTS = ['flatcar', 'fcos'] as const

/** Makes Ignition of Butane (variants flatcar and fcos). With errors among the problems there is no Ignition (`null`). */
export function transpileButane(
  document: DocumentNode,
  local: LocalFiles,
): Readonly<{ ignition: unknown; problems: readonly Problem[] }> {
  const legacy = isLegacy(document)
  const findings = new Findings('flatcar')
  const lifted = legacy ? liftLegacy(document, findings) : document
  const edition = legacy ? EDITIONS[0]! : editionOf(document, findings)
  if (!edition) return { ignition: null, problems: findings.problems }
  const read = new Reader(edition, findings).struct(lifted, ROOT, null, HEADER)
  const config = read ? transpile(read, edition, local, findings) : {}
  if (findings.failed) return { ignition: null, problems: findings.problems }
  const ignition = tidy({
    ...config,
    ignition: { ...structOf(config, 'ignition'), version: `3.${edition.ignition}.0` },
  })
  return { ignition, problems: findings.problems }
}

function transpile(config: Struct, edition: Edition, local: LocalFiles, findings: Findings): Struct {
  const embedding = new Embedding(local, edition, findings)
  embedding.embed(config)
  plantTrees(config, local, embedding, findings)
  if (edition.language === 'fcos') checkMountPoints(config, findings)
  const units = mountUnits(config, edition.ignition, findings)
  const device = structOf(config, 'boot_device')
  const grub = structOf(config, 'grub')
  delete config.boot_device
  delete config.grub
  const storage = mergeOver(
    device ? bootDeviceStorage(device, edition.own, findings) : {},
    grub ? grubStorage(grub, local.gzip, findings) : {},
    findings,
  )
  const made: Struct = {}
  if (Object.keys(storage).length > 0) made.storage = storage
  if (units.length > 0) made.systemd = { units }
  const whole = mergeOver(made, config, findings)
  checkConfig(whole, edition, findings)
  return whole
}

/** Fedora CoreOS can mount at boot only below what is writable. */
function checkMountPoints(config: Struct, findings: Findings): void {
  for (const filesystem of structsOf(structOf(config, 'storage'), 'filesystems')) {
    const path = textOf(filesystem, 'path')
    if (!path || !flagOf(filesystem, 'with_mount_unit') || /^\/(etc|var)(\/|$)/.test(path)) continue
    const message = 'the path of a mount unit is below /etc or /var'
    findings.error(findings.where(filesystem, 'path'), message, 'choose another path, or write the unit yourself')
  }
}

function headerOf(document: DocumentNode, key: string): DocumentEntry | undefined {
  return document.kind === 'map' ? document.entries.find((entry) => entry.key === key) : undefined
}

function editionOf(document: DocumentNode, findings: Findings): Edition | undefined {
  const fail = (key: string, at: Place, message: string, hint: string) => {
    findings.error({ path: { above: null, step: key }, at }, message, hint)
    return undefined
  }
  if (document.kind !== 'map') {
    const hint = 'begin it with variant: flatcar and version: 1.1.0'
    findings.error({ path: null, at: document.at }, 'a Butane document is a map of fields', hint)
    return undefined
  }
  const variant = headerOf(document, 'variant')
  const version = headerOf(document, 'version')
  if (variant?.value.kind !== 'scalar' || variant.value.value === null)
    return fail(
      'variant',
      variant?.value.at ?? document.at,
      'variant is required',
      'say variant: flatcar or variant: fcos',
    )
  const named = variant.value.text
  const language = VARIANTS.find((each) => each === named)
  if (!language) {
    const near = nearest(named, VARIANTS)
    const hint = near ? `did you mean ${near}?` : 'say flatcar or fcos'
    return fail('variant', variant.value.at, `the variant ${shown(named)} is not known here`, hint)
  }
  const versions = EDITIONS.filter((each) => each.language === language).map((each) => each.version)
  const list = `${language} has ${versions.join(', ')}`
  if (version?.value.kind !== 'scalar' || version.value.value === null)
    return fail('version', version?.value.at ?? document.at, 'version is required', list)
  const { text, at } = version.value
  const edition = EDITIONS.find((each) => each.language === language && each.version === text)
  if (edition) return edition
  const hint = /experimental/.test(text) ? `experimental versions change; ${list}` : list
  return fail('version', at, `the version ${shown(text)} of ${language} is not known here`, hint)
}
