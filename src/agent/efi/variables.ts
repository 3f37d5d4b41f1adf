import { execFile } from 'node:child_process'
import { open, readdir, readFile, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** EFI_GLOBAL_VARIABLE (UEFI 2.10, section 3.3). */
const GLOBAL = '8be4df61-93ca-11d2-aa0d-00e098032b8c'
/** Non-volatile, for boot services, at runtime (section 8.2). */
const KEPT = 7
/** Attributes that efivarfs puts before the value. */
const ATTRIBUTE_BYTES = 4

/** The global variables of UEFI firmware through efivarfs. Firmware keeps them through power cuts; each write is whole or not at all. */
export class EfiVariables {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  /** Makes efivarfs of this machine appear if it is not mounted. `undefined` if the machine was not started by UEFI. */
  static async open(sys = '/sys'): Promise<EfiVariables | undefined> {
    const firmware = join(sys, 'firmware/efi')
    if ((await readdir(firmware).catch(() => undefined)) === undefined) return undefined
    const folder = join(firmware, 'efivars')
    const there = await readdir(folder).catch(() => [])
    if (there.length === 0 && sys === '/sys')
      await promisify(execFile)('mount', ['-t', 'efivarfs', 'efivarfs', folder]).catch(() => undefined)
    return new EfiVariables(folder)
  }

  /** Names of the global variables, such as `Boot0001`. */
  async names(): Promise<string[]> {
    const suffix = `-${GLOBAL}`
    const all = await readdir(this.#folder).catch(() => [])
    return all.filter((name) => name.endsWith(suffix)).map((name) => name.slice(0, -suffix.length))
  }

  /** The value; `undefined` if there is no such variable. */
  async read(name: string): Promise<Uint8Array | undefined> {
    const bytes = await readFile(this.#path(name)).catch(() => undefined)
    return bytes && bytes.length >= ATTRIBUTE_BYTES ? new Uint8Array(bytes.subarray(ATTRIBUTE_BYTES)) : undefined
  }

  /** Sets a variable for good: attributes and value in one write, as efivarfs asks. Rejects when the firmware refuses. */
  async write(name: string, value: Uint8Array): Promise<void> {
    const bytes = new Uint8Array(ATTRIBUTE_BYTES + value.length)
    bytes[0] = KEPT
    bytes.set(value, ATTRIBUTE_BYTES)
    const file = await open(this.#path(name), 'w', 0o644)
    try {
      await file.write(bytes)
    } finally {
      await file.close()
    }
  }

  async remove(name: string): Promise<void> {
    await unlink(this.#path(name))
  }

  #path(name: string): string {
    return join(this.#folder, `${name}-${GLOBAL}`)
  }
}
