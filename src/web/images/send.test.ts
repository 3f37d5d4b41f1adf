import { expect, test } from 'vitest'
import { fileName } from './send.ts'

test.each([
  ['vmlinuz-6.1.0-9-amd64', 'vmlinuz-6.1.0-9-amd64'],
  ['initrd (1).img', 'initrd--1-.img'],
  ['.hidden', 'hidden'],
  ['…', 'file'],
  ['x'.repeat(130), 'x'.repeat(100)],
])('%s is sent as %s', (name, sent) => expect(fileName(name)).toBe(sent))
