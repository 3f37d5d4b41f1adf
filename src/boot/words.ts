import type { Machine } from '../machines/machine.ts'
import type { BootDisks } from '../volumes/boot-disks.ts'

/** What `{{files}}`, `{{mac}}`, `{{hostname}}`, `{{machine}}` and `{{server}}` stand for in command lines and files of a profile. */
export type Words = Readonly<{ files: string; mac: string; hostname: string; machine: string; server: string }> &
  /** Of a boot with disks: how its system logs in to them. Without disks the words stay as they are. */
  Readonly<Partial<Record<'iscsi-initiator' | 'iscsi-target' | 'iscsi-host' | 'iscsi-port', string>>>

type Login = Pick<BootDisks, 'initiator' | 'target' | 'host' | 'port'>

/** `base` is the URL by which the machine reaches us, `files` the one where the profile's files are for this boot. */
export function wordsFor(machine: Machine, mac: string, base: string, files: string, disks?: Login): Words {
  return {
    ...{ files, mac, hostname: machine.hostname ?? machine.name, machine: machine.name, server: base },
    ...(disks && {
      'iscsi-initiator': disks.initiator,
      'iscsi-target': disks.target,
      'iscsi-host': disks.host,
      'iscsi-port': String(disks.port),
    }),
  }
}

const WORD = /\{\{(files|mac|hostname|machine|server|iscsi-(?:initiator|target|host|port))\}\}/g

/** Replaces the known words; other text in double braces is left alone, it may be meant for somebody else. */
export function fillIn(text: string, words: Words): string {
  return text.replace(WORD, (whole, word: keyof Words) => words[word] ?? whole)
}
