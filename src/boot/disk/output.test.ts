import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { Memory } from './memory.ts'
import { Output } from './output.ts'

test('what is answered after the end of a connection is dropped, with its memory', () => {
  const memory = new Memory(2 ** 30)
  const output = new Output(new PassThrough() as never, memory, () => {})
  output.close()
  output.reserve(48)
  output.flush()
  expect(memory.used).toBe(0)
  output.reserve(48)
  const region = output.detach(output.reserve(64))
  output.send(region)
  expect(memory.used).toBe(0)
})
