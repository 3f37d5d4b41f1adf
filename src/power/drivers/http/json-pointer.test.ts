import { describe, expect, test } from 'vitest'
import { atPointer, isPointer } from './json-pointer.ts'

/** RFC 6901 §5. */
const DOCUMENT = JSON.parse(
  '{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\\\j":5,"k\\"l":6," ":7,"m~n":8,"~1":9}',
)

describe('a JSON pointer', () => {
  test.each([
    ['', DOCUMENT],
    ['/foo', ['bar', 'baz']],
    ['/foo/0', 'bar'],
    ['/', 0],
    ['/a~1b', 1],
    ['/c%d', 2],
    ['/e^f', 3],
    ['/g|h', 4],
    ['/i\\j', 5],
    ['/k"l', 6],
    ['/ ', 7],
    ['/m~0n', 8],
    ['/~01', 9],
  ])('%j names what RFC 6901 says', (pointer, value) => {
    expect(atPointer(DOCUMENT, pointer)).toEqual(value)
    expect(isPointer(pointer)).toBe(true)
  })

  test.each(['/foo/2', '/foo/00', '/foo/-', '/foo/0/x', '/nothing', '/__proto__', '/foo/length', 'foo'])(
    '%j names nothing',
    (pointer) => {
      expect(atPointer(DOCUMENT, pointer)).toBeUndefined()
    },
  )

  test.each(['foo', '/~', '/~2'])('%j is none', (text) => {
    expect(isPointer(text)).toBe(false)
  })
})
