import type { ConfigKind } from './config.ts'

/** The language of a text: how values are written into it and how it is checked. */
export type Language = 'yaml' | 'json' | 'xml' | 'line' | 'preseed' | 'kickstart' | 'shell' | 'cmd' | 'text'

/** What a kind delivers: which part becomes what, under which name, with which content type. */
export type Delivery = Readonly<{
  part: string
  name: string
  contentType: string
  language: Language
  optional?: boolean
}>

const TEXT = 'text/plain; charset=utf-8'
const YAML = 'text/yaml; charset=utf-8'
const XML = 'application/xml; charset=utf-8'

/** RFC-less, but what CoreOS registered for Ignition. */
const IGNITION = 'application/vnd.coreos.ignition+json; charset=utf-8'

/** The NoCloud data source of cloud-init fetches these four; the first two must be there. */
const NOCLOUD: readonly Delivery[] = [
  { part: 'user-data', name: 'user-data', contentType: YAML, language: 'yaml' },
  { part: 'meta-data', name: 'meta-data', contentType: YAML, language: 'yaml', optional: true },
  { part: 'network-config', name: 'network-config', contentType: YAML, language: 'yaml', optional: true },
  { part: 'vendor-data', name: 'vendor-data', contentType: YAML, language: 'yaml', optional: true },
]

const one = (name: string, contentType: string, language: Language): readonly Delivery[] => [
  { part: 'main', name, contentType, language },
]

/** What Windows PE finds beside the answer file, in `X:\Windows\System32`: its start script, or what it starts instead of one. */
const WINDOWS: readonly Delivery[] = [
  ...one('unattend.xml', XML, 'xml'),
  { part: 'startnet.cmd', name: 'startnet.cmd', contentType: TEXT, language: 'cmd', optional: true },
  { part: 'winpeshl.ini', name: 'winpeshl.ini', contentType: TEXT, language: 'line', optional: true },
]

/** The one table of kinds. Other parts than these are files that Butane includes (`local`), rendered as texts. */
export const DELIVERIES: Readonly<Record<ConfigKind, readonly Delivery[]>> = {
  butane: one('ignition.json', IGNITION, 'yaml'),
  ignition: one('ignition.json', IGNITION, 'json'),
  'cloud-init': NOCLOUD,
  autoinstall: NOCLOUD,
  preseed: one('preseed.cfg', TEXT, 'preseed'),
  kickstart: one('ks.cfg', TEXT, 'kickstart'),
  autoyast: one('autoinst.xml', XML, 'xml'),
  unattend: WINDOWS,
  shell: one('script.sh', TEXT, 'shell'),
  text: one('config.txt', TEXT, 'text'),
  snippet: [],
}

/** A part of cloud-init may be something else than YAML, said by its first line. `rendered`: with stand-ins, so that no value says it. */
export function languageOf({ language }: Delivery, rendered: string): Language {
  if (language !== 'yaml') return language
  if (/^(#!|#cloud-boothook)/.test(rendered)) return 'shell'
  return /^(#include|#part-handler|#cloud-config-archive|## template:|Content-Type:|MIME-Version:)/i.test(rendered)
    ? 'line'
    : 'yaml'
}
