import { execFileSync } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DecodeError } from '../kit/errors.ts'
import { elfNeeds, isElf, withoutSections } from './elf.ts'

const node = new Uint8Array(await readFile(process.execPath))

describe('an executable', () => {
  test('says which libraries and which dynamic linker it needs', () => {
    const { libraries, interpreter } = elfNeeds(node)
    expect(libraries).toContain('libc.so.6')
    expect(interpreter).toMatch(/^\/lib.*\/ld-linux-/)
  })

  test('runs without its sections, and needs the same', async () => {
    const short = withoutSections(node)
    expect(short.length).toBeLessThan(node.length)
    expect(elfNeeds(short)).toEqual(elfNeeds(node))
    const directory = await mkdtemp(join(tmpdir(), 'rv-elf-'))
    try {
      await writeFile(join(directory, 'node'), short)
      await chmod(join(directory, 'node'), 0o755)
      expect(execFileSync(join(directory, 'node'), ['-p', '6 * 7']).toString()).toBe('42\n')
    } finally {
      await rm(directory, { recursive: true })
    }
  })

  test('is told from a script', () => expect(isElf(Buffer.from('#!/bin/sh\n'.padEnd(64)))).toBe(false))

  test('that is damaged or cut off is refused, and never answered with nonsense', () => {
    const head = node.slice(0, 4096)
    const check = (bytes: Uint8Array) => {
      try {
        for (const name of elfNeeds(bytes).libraries) expect(name).toBeTypeOf('string')
        withoutSections(bytes)
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError)
      }
    }
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(511), fc.nat(255)), { maxLength: 8 }), fc.nat(4096), (changes, end) => {
        const bytes = head.slice(0, end)
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
        check(bytes)
      }),
    )
  })
})
