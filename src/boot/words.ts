import type { Machine } from '../machines/machine.ts'
import type { BootDisks } from '../volumes/boot-disks.ts'
import { BOOT_PATHS } from './paths.ts'

/**
 * What `{{files}}`, `{{mac}}`, `{{hostname}}`, `{{machine}}` and `{{server}}` stand for in command lines and files of a profile;
 * `{{nocloud}}` is where cloud-init's data source NoCloud is seeded from, `{{home}}` is asked when all is done.
 */
export type Words = Readonly<Record<'files' | 'nocloud' | 'home' | 'mac' | 'hostname' | 'machine' | 'server', string>> &
  /** Of a profile with a config: the URL of its first part. */
  Readonly<{ config?: string }> &
  /** Of a boot with disks: how its system logs in to them. Without disks the words stay as they are. */
  Readonly<Partial<Record<'iscsi-initiator' | 'iscsi-target' | 'iscsi-host' | 'iscsi-port', string>>>

type Login = Pick<BootDisks, 'initiator' | 'target' | 'host' | 'port'>

/** `base` is the URL by which the machine reaches us, `capability` that of this boot, `config` the name of the first part of its config. */
export function wordsFor(
  machine: Machine,
  mac: string,
  { base, capability, config }: Readonly<{ base: string; capability: string; config?: string | undefined }>,
  disks?: Login,
): Words {
  const files = `${base}${BOOT_PATHS.files(capability)}`
  return {
    ...{ files, nocloud: `${files}/`, home: `${base}${BOOT_PATHS.home(capability)}` },
    ...(config === undefined ? {} : { config: `${files}/${encodeURIComponent(config)}` }),
    ...{ mac, hostname: machine.hostname ?? machine.name, machine: machine.name, server: base },
    ...(disks && {
      'iscsi-initiator': disks.initiator,
      'iscsi-target': disks.target,
      'iscsi-host': disks.host,
      'iscsi-port': String(disks.port),
    }),
  }
}

const WORD = /\{\{(files|nocloud|home|config|mac|hostname|machine|server|iscsi-(?:initiator|target|host|port))\}\}/g

/** Replaces the known words; other text in double braces is left alone, it may be meant for somebody else. */
export function fillIn(text: string, words: Words): string {
  return text.replace(WORD, (whole, word: keyof Words) => words[word] ?? whole)
}
