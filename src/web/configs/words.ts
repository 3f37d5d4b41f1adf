import type { ConfigInfo } from '../../api/contract/configs.ts'

export type ConfigKind = ConfigInfo['kind']

/** Every kind with what it is, in the order in which people need them. */
export const KIND_WORDS: Readonly<Record<ConfigKind, string>> = {
  butane: 'Butane, for Flatcar and Fedora CoreOS',
  'cloud-init': 'cloud-init (NoCloud)',
  autoinstall: 'autoinstall, for Ubuntu',
  preseed: 'preseed, for Debian',
  kickstart: 'kickstart, for Alma, Rocky and Fedora',
  autoyast: 'AutoYaST, for openSUSE',
  unattend: 'unattend.xml, for Windows',
  ignition: 'Ignition as it is',
  shell: 'a shell script',
  text: 'any text',
  snippet: 'a snippet, which others include',
}

/** The parts that a kind may have; the first one must be there. */
export const PARTS: Readonly<Record<ConfigKind, readonly string[]>> = {
  butane: ['main'],
  ignition: ['main'],
  'cloud-init': ['user-data', 'meta-data', 'network-config', 'vendor-data'],
  autoinstall: ['user-data', 'meta-data', 'network-config', 'vendor-data'],
  preseed: ['main'],
  kickstart: ['main'],
  autoyast: ['main'],
  unattend: ['main', 'startnet.cmd', 'winpeshl.ini'],
  shell: ['main'],
  text: ['main'],
  snippet: ['main'],
}

/** What a new config of a kind may begin with. */
export const STARTS: Readonly<Partial<Record<ConfigKind, string>>> = {
  butane:
    'variant: flatcar\nversion: 1.0.0\nstorage:\n  files:\n    - path: /etc/hostname\n      mode: 0644\n      contents:\n        inline: {{ machine.hostname }}\n',
  'cloud-init': '#cloud-config\nhostname: {{ machine.hostname }}\nphone_home:\n  url: {{ boot.home }}\n',
  autoinstall: '#cloud-config\nautoinstall:\n  version: 1\n  identity:\n    hostname: {{ machine.hostname }}\n',
  preseed: 'd-i netcfg/get_hostname string {{ machine.hostname }}\n',
  kickstart: 'network --hostname={{ machine.hostname }}\n',
  shell: '#!/bin/sh\necho {{ machine.hostname }}\n',
}

/** One part of the diff of two versions. */
export type DiffLine = Readonly<{ text: string; tone: 'added' | 'removed' | 'place' | 'same' }>

export function diffLines(diff: string): DiffLine[] {
  return diff.split('\n').map((text) => ({ text, tone: toneOf(text) }))
}

function toneOf(line: string): DiffLine['tone'] {
  if (/^(@@|---|\+\+\+|===|Index)/.test(line)) return 'place'
  return line.startsWith('+') ? 'added' : line.startsWith('-') ? 'removed' : 'same'
}
