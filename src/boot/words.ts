import type { Machine } from '../machines/machine.ts'

/** What `{{files}}`, `{{mac}}`, `{{hostname}}`, `{{machine}}` and `{{server}}` stand for in command lines and files of a profile. */
export type Words = Readonly<{ files: string; mac: string; hostname: string; machine: string; server: string }>

/** `base` is the URL by which the machine reaches us, `files` the one where the profile's files are for this boot. */
export function wordsFor(machine: Machine, mac: string, base: string, files: string): Words {
  return { files, mac, hostname: machine.hostname ?? machine.name, machine: machine.name, server: base }
}

/** Replaces the known words; other text in double braces is left alone, it may be meant for somebody else. */
export function fillIn(text: string, words: Words): string {
  return text.replace(/\{\{(files|mac|hostname|machine|server)\}\}/g, (_, word: keyof Words) => words[word])
}
