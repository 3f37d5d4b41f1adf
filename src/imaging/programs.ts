import { spawn } from 'node:child_process'
import { access } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { Refusal } from '../kit/errors.ts'

/** Debian package of each program or file that building an image needs. */
const PACKAGES: Readonly<Record<string, string>> = {
  tar: 'tar',
  fakeroot: 'fakeroot',
  'mkfs.ext4': 'e2fsprogs',
  debugfs: 'e2fsprogs',
  e2fsck: 'e2fsprogs',
  'mkfs.vfat': 'dosfstools',
  mmd: 'mtools',
  mcopy: 'mtools',
  'grub-mkimage': 'grub-common',
  zstd: 'zstd',
  xz: 'xz-utils',
  '/usr/lib/grub/i386-pc/boot.img': 'grub-pc-bin',
  '/usr/lib/grub/x86_64-efi/kernel.img': 'grub-efi-amd64-bin',
  '/usr/lib/shim/shimx64.efi.signed': 'shim-signed',
  '/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed': 'grub-efi-amd64-signed',
}
/** Where Debian keeps tools for administrators, which a user's PATH may lack. */
const SEARCHED = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin']
const MOST_OUTPUT = 65_536

async function isThere(name: string): Promise<boolean> {
  const places = name.startsWith('/') ? [name] : SEARCHED.map((folder) => join(folder, name))
  for (const place of places)
    if (
      await access(place).then(
        () => true,
        () => false,
      )
    )
      return true
  return false
}

/** Refuses with one line for apt-get when any of these is missing. */
export async function needPrograms(names: readonly string[]): Promise<void> {
  const missing: string[] = []
  for (const name of names) if (!(await isThere(name))) missing.push(name)
  if (missing.length === 0) return
  const packages = [...new Set(missing.map((name) => PACKAGES[name] ?? name))]
  throw new Refusal(
    'not-available',
    `an image cannot be built here: ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing`,
    {
      next: `apt-get install --no-install-recommends ${packages.join(' ')}`,
    },
  )
}

export type RunOptions = Readonly<{
  environment?: Readonly<Record<string, string>>
  /** Text for its standard input; `inherit` gives it ours. */
  input?: string | 'inherit'
  /** Receives standard output piece by piece; without it, output is kept for the error message alone. */
  onOutput?: (piece: Uint8Array) => void
  /** Exit statuses that mean success; 0 if left out. */
  success?: readonly number[]
}>

/** Runs a program to its end; failure is a `Refusal` with what it printed last. */
export function runProgram(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { environment, input, onOutput, success = [0] } = options
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args], {
      env: { ...process.env, LC_ALL: 'C', PATH: SEARCHED.join(delimiter), ...environment },
      stdio: [input === 'inherit' ? 'inherit' : 'pipe', 'pipe', 'pipe'],
    })
    let printed = ''
    let complained = ''
    child.stdout?.on('data', (piece: Buffer) => {
      if (onOutput) onOutput(piece)
      else printed = (printed + piece.toString()).slice(-MOST_OUTPUT)
    })
    child.stderr?.on('data', (piece: Buffer) => {
      complained = (complained + piece.toString()).slice(-MOST_OUTPUT)
    })
    // A program that ends early closes its input: its exit status says why.
    child.stdin?.on('error', () => undefined)
    if (input !== 'inherit') child.stdin?.end(input)
    child.on('error', (cause) => reject(new Refusal('not-available', `${command}: ${cause.message}`)))
    child.on('close', (code, signal) => {
      if (code !== null && success.includes(code)) return resolve(printed)
      const why = (complained.trim() || printed.trim()).split('\n').slice(-5).join('; ')
      reject(new Refusal('not-available', `${command} failed (${signal ?? `status ${code}`}): ${why}`))
    })
  })
}
