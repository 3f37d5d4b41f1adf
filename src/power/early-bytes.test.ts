import { expect, test } from 'vitest'
import { EARLY_BYTES, EarlyBytes } from './early-bytes.ts'

const bytes = (text: string) => new TextEncoder().encode(text)

function heard(line: EarlyBytes) {
  const said: string[] = []
  line.listen(
    (piece) => said.push(new TextDecoder().decode(piece)),
    (why) => said.push(`<${why}>`),
  )
  return said
}

test('what came first is handed over first, and then what comes', () => {
  const line = new EarlyBytes()
  line.receive(bytes('one '))
  line.receive(bytes('two '))
  const said = heard(line)
  line.receive(bytes('three'))
  expect(said).toEqual(['one ', 'two ', 'three'])
})

test('the end is told once, also when it came before anybody listened', () => {
  const line = new EarlyBytes()
  line.receive(bytes('last words'))
  line.end('it broke')
  line.end('again')
  expect(heard(line)).toEqual(['last words', '<it broke>'])
})

test('after it was closed nothing is told', () => {
  const line = new EarlyBytes()
  const said = heard(line)
  expect(line.close()).toBe(true)
  expect(line.close()).toBe(false)
  line.receive(bytes('more'))
  line.end('it broke')
  expect(said).toEqual([])
})

test('a chatty line that nobody reads keeps its newest bytes only', () => {
  const line = new EarlyBytes()
  const piece = new Uint8Array(1000)
  for (let i = 0; i < 1000; i++) line.receive(piece.fill(i % 251))
  let kept = 0
  let last = -1
  line.listen(
    (early) => {
      kept += early.length
      last = early.at(-1)!
    },
    () => undefined,
  )
  expect(kept).toBeLessThan(EARLY_BYTES + 1000)
  expect(kept).toBeGreaterThanOrEqual(EARLY_BYTES)
  expect(last).toBe(999 % 251)
})
