import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fillIn, plain } from '../template.ts'
import { liquid } from './liquid.ts'

const SCOPE = { machine: { name: 'web1', macs: ['a', 'b'], hostname: 'x: y\n' }, port: 8080 }
const NONE = new Map<string, string>()

/** Rendered, with values as they are. */
function text(content: string, snippets: ReadonlyMap<string, string> = NONE): string {
  const done = liquid.render({ part: 'main', content }, SCOPE, snippets)
  expect(done.problems).toEqual([])
  return fillIn(done.text, done.values, plain)
}

describe('a template', () => {
  test('has variables, filters, conditions, loops and snippets', () => {
    expect(text('{{ machine.name | upcase }}:{{ port }}')).toBe('WEB1:8080')
    expect(text('{% for mac in machine.macs %}- {{ mac }}\n{% endfor %}')).toBe('- a\n- b\n')
    expect(text('{% if machine.name == "web1" %}yes{% else %}no{% endif %}')).toBe('yes')
    expect(text('a\n{% include "users" %}', new Map([['users', 'u={{ machine.name }}']]))).toBe('a\nu=web1')
    expect(text('{% capture both %}{{ machine.name }}-{{ port }}{% endcapture %}[{{ both }}]')).toBe('[web1-8080]')
  })

  test('never holds a value in its text: each is a word of plain letters', () => {
    const { text, values } = liquid.render({ part: 'main', content: 'name: {{ machine.hostname }}\n' }, SCOPE, NONE)
    expect(text).toMatch(/^name: rvl[a-p]{16}zq\n$/)
    expect([...values.values()]).toEqual(['x: y\n'])
  })

  test('keeps the type of values', () => {
    const { values } = liquid.render({ part: 'main', content: '{{ port }} {{ machine.macs }}' }, SCOPE, NONE)
    expect([...values.values()]).toEqual([8080, ['a', 'b']])
  })

  test('tells every variable that does not exist, with its place and what there is', () => {
    const content = 'a: {{ machine.nam }}\nb: {{ prot }}\nc: {{ machine.name }}\n'
    const { problems } = liquid.render({ part: 'main', content }, SCOPE, NONE)
    expect(problems).toEqual([
      {
        at: { part: 'main', line: 1, column: 7 },
        message: 'undefined variable: machine.nam',
        hint: 'machine has hostname, macs, name',
      },
      {
        at: { part: 'main', line: 2, column: 7 },
        message: 'undefined variable: prot',
        hint: 'there is machine, port; one of your own is declared first: --variable prot',
      },
    ])
    expect(SCOPE).toEqual({ machine: { name: 'web1', macs: ['a', 'b'], hostname: 'x: y\n' }, port: 8080 })
  })

  test.each([
    ['{{ machine.name | nofilter }}', /undefined filter/],
    ['{% if %}', /./],
    ['{% for x in y %}', /./],
    ['{% include "nothing" %}', /there is no snippet nothing/],
    ['{{ machine.name | raw }}', /undefined filter: raw/],
    ['{% for i in (1..100000000) %}x{% endfor %}', /limit/],
    ['{{ machine.constructor }}', /undefined variable/],
  ])('%s is a problem', (content, message) => {
    const { problems } = liquid.render({ part: 'main', content }, SCOPE, NONE)
    expect(problems[0]?.message).toMatch(message)
    expect(problems[0]?.at).toMatchObject({ part: 'main', line: 1 })
  })

  test('captures values, not words that stand for them: they are compared and filtered', () => {
    const capture = '{% capture it %}{{ machine.name }}\n{% endcapture %}'
    expect(text(`${capture}{{ it | upcase | strip }}`)).toBe('WEB1')
    expect(text(`${capture}{{ it | base64_encode }}`)).toBe('d2ViMQo=')
    expect(text(`${capture}{% assign n = it | strip %}{% if n == 'web1' %}yes{% endif %}{{ n | size }}`)).toBe('yes4')
    expect(text('{% capture a %}one\ntwo{% endcapture %}{{ a }}')).toBe('one\ntwo')
    const { values } = liquid.render({ part: 'main', content: `${capture}{{ it }}` }, SCOPE, NONE)
    expect([...values.values()]).toContain('web1\n')
  })

  test('keeps spaces that look like its marks', () => {
    expect(text('a\u2008\u2000\u200ab\n{{ port }}')).toBe('a\u2008\u2000\u200ab\n8080')
  })

  test.each([
    ['{% include "a" %}', /include each other without end/],
    ['{% for i in (1..100000) %}{{ big }}{% endfor %}', /longer than 16777216 characters/],
    [
      `{% capture x %}${'a'.repeat(1000)}{% endcapture %}${'{% capture x %}{{x}}{{x}}{{x}}{{x}}{% endcapture %}'.repeat(30)}`,
      /longer than|limit/,
    ],
    ['{{ 1 | divided_by: 0 }}', /divided by 0/],
    [`{% for i in (1..3000) %}{% for j in (1..3000) %}{% assign x = i %}{% endfor %}{% endfor %}`, /limit/],
  ])('%.60s ends soon', (content, message) => {
    const snippets = new Map([
      ['a', '{% include "b" %}'],
      ['b', '{% include "a" %}'],
    ])
    const scope = { big: 'x'.repeat(100_000) }
    expect(liquid.render({ part: 'main', content }, scope, snippets).problems[0]?.message).toMatch(message)
  })

  test('takes no more time when many of its variables do not exist', () => {
    const loop = '{% for i in (1..1000) %}{% for j in (1..300) %}{% assign x = i %}{% endfor %}{% endfor %}'
    const content = `${loop}${Array.from({ length: 25 }, (_, n) => `{{ nothing${n} }}`).join('')}`
    const start = process.cpuUsage()
    expect(liquid.render({ part: 'main', content }, {}, NONE).problems).not.toEqual([])
    expect(process.cpuUsage(start).user).toBeLessThan(15_000_000)
  })

  test('that is rendered again knows nothing of the time before', () => {
    const content = '{{ name }}{% cycle "a", "b" %}{% increment n %}{% include "s" %}'
    const snippets = new Map([['s', '[{{ name }}]']])
    const all = ['one', 'two'].map((name) => {
      const done = liquid.render({ part: 'main', content }, { name }, snippets)
      return fillIn(done.text, done.values, plain)
    })
    expect(all).toEqual(['onea0[one]', 'twoa0[two]'])
  })

  test('of a snippet is named where something is wrong in it', () => {
    const snippets = new Map([['users', 'ok\n\n  {{ nope }}']])
    const { problems } = liquid.render({ part: 'main', content: 'x\n{% include "users" %}' }, SCOPE, snippets)
    expect(problems).toMatchObject([{ at: { part: 'users', line: 3, column: 6 } }])
  })

  test('knows where each line of the text comes from', () => {
    const content = 'one\n{% for mac in machine.macs -%}\nmac {{ mac }}\n{% endfor %}\n{% include "s" %}\nlast'
    const { text, origins } = liquid.render({ part: 'main', content }, SCOPE, new Map([['s', 'sa\nsb']]))
    const lines = text.split('\n')
    const from = (start: string) => origins[lines.findIndex((line) => line.startsWith(start))]
    expect(from('one')).toEqual({ part: 'main', line: 1 })
    expect(from('mac')?.part).toBe('main')
    expect(from('sb')).toEqual({ part: 's', line: 2 })
    expect(from('last')).toEqual({ part: 'main', line: 6 })
    expect(text).not.toMatch(/[\u2000-\u200a]/)
  })

  test('of any text ends with a text or with problems', () => {
    const piece = fc.constantFrom(
      '{{',
      '}}',
      '{%',
      '%}',
      ' if ',
      ' for ',
      ' raw ',
      'endraw',
      'machine',
      '.',
      '|',
      '"',
      '\n',
      'x',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const done = liquid.render({ part: 'main', content: pieces.join('') }, SCOPE, NONE)
        expect(typeof done.text).toBe('string')
      }),
      { numRuns: 300 },
    )
  })
})
