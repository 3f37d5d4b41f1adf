import { describe, expect, test } from 'vitest'
import { namesIn, type Place, render } from './template.ts'

const values = (value: string) => new Map([['id', value]])

test('names are words between braces; braces of JSON are text', () => {
  expect(namesIn('/a/{id}/{b2}')).toEqual(['id', 'b2'])
  expect(namesIn('{"type":"on","x":{}} {Not} {9} {a b}')).toEqual([])
})

describe('a value', () => {
  test.each<[Place, string, string, string]>([
    ['path', '/devices/{id}/actions', 'a/../b?c#d', '/devices/a%2F..%2Fb%3Fc%23d/actions'],
    ['path', '/x?id={id}&y=1', '1&on=2', '/x?id=1%26on%3D2&y=1'],
    ['path', '/x?id={id}', '..', '/x?id=..'],
    ['form', 'type={id}', 'hw&x=y z', 'type=hw%26x%3Dy%20z'],
    ['json', '{"id":"{id}"}', 'a"b\\c\n', '{"id":"a\\"b\\\\c\\n"}'],
    ['json', '{"a":"\\"","id":{id}}', '5', '{"a":"\\"","id":5}'],
    ['header', 'Bearer {id}', 'abc', 'Bearer abc'],
    ['text', 'on {id}', 'ü"', 'on ü"'],
  ])('in a %s %s is %j', (place, template, value, text) => {
    expect(render(template, values(value), place)).toBe(text)
  })

  test.each<[Place, string, string]>([
    ['path', '/devices/{id}/actions', '..'],
    ['path', '/devices/{id}', '.'],
    ['path', '/devices/{id}/x', ''],
    ['path', '/devices/.{id}', '.'],
    ['path', '/x/{id}', '\ud800'],
    ['header', 'Bearer {id}', 'a\r\nX: y'],
    ['header', 'Bearer {id}', 'ü'],
    ['text', 'on {id}', 'a\nb'],
    ['json', '{"id":{id}}', '5,"x":1'],
    ['json', '{"id":{id}}', ''],
  ])('in a %s %s cannot be %j, and is not told', (place, template, value) => {
    expect(() => render(template, values(value), place)).toThrow(/cannot be written where it stands/)
  })

  test('that is missing is named', () => {
    expect(() => render('/{device}', new Map(), 'path')).toThrow('{device} stands in a request, but has no value')
  })
})
