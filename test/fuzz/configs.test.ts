import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LANGUAGES } from '../../src/compose/configs.ts'
import { CONFIG_KINDS } from '../../src/configs/config.ts'
import { DELIVERIES } from '../../src/configs/kinds.ts'
import { renderConfig } from '../../src/configs/rendering.ts'
import { valueOfTree } from '../../src/configs/write-values.ts'

/** What readers of some language mind. */
const awkward = fc.constantFrom(
  '\n',
  '\r',
  '\u0085',
  '\u2028',
  '\0',
  '\ufeff',
  "'",
  '"',
  '\\',
  '$(x)',
  '`',
  ': ',
  '- ',
  '#',
  '<<',
  '%end',
  ']]>',
  '{{ x }}',
  '{% if %}',
  'rvlabcdefghijklmnopzq',
  'EOF',
)
const hostile = fc
  .array(fc.oneof(awkward, fc.string({ unit: 'grapheme' })), { maxLength: 6 })
  .map((all) => all.join(''))
const piece = fc.constantFrom(
  '{{ v }}',
  '{{ v | upcase }}',
  '{% capture c %}{{ v }}{% endcapture %}{{ c }}',
  'a: ',
  '\n',
  '  - ',
  '"',
  "'",
  '\\',
  '#',
  '<a>',
  '<![CDATA[',
  '$(',
  '%post\n',
  '%end\n',
  '<<EOF\n',
  'EOF\n',
  '{',
  '}',
  '[',
  ']',
)

function render(kind: (typeof CONFIG_KINDS)[number], content: string, v: unknown) {
  const parts = [{ name: DELIVERIES[kind][0]?.part ?? 'main', content }]
  const scope = () => ({ scope: { v }, usedSecret: () => false })
  return renderConfig({ config: 'x', version: 1, kind, parts, scope, snippets: new Map(), packs: true }, LANGUAGES)
}

test('any template with any value ends with a config without remains, or with problems', () => {
  fc.assert(
    fc.property(fc.constantFrom(...CONFIG_KINDS), fc.array(piece, { maxLength: 12 }), hostile, (kind, pieces, v) => {
      const { parts, problems } = render(kind, pieces.join(''), v)
      for (const { message } of problems) expect(message).not.toBe('')
      expect(
        parts
          .map(({ content }) => content)
          .join('')
          .replaceAll('rvlabcdefghijklmnopzq', ''),
      ).not.toMatch(/[a-p]{16}zq/)
    }),
    { numRuns: 400 },
  )
})

test('any value of cloud-init is read back as it was, from printable text', () => {
  fc.assert(
    fc.property(hostile, (v) => {
      const { parts, problems } = render('cloud-init', '#cloud-config\na: {{ v }}\nb: [{{ v }}, "x{{ v }}"]\n', v)
      expect(problems).toEqual([])
      const [{ content = '' } = {}] = parts
      expect(content).not.toMatch(/[\0\r\u0085\u2028\u2029\ufeff]/)
      expect(valueOfTree(LANGUAGES.readYaml(content).document!)).toEqual({ a: v, b: [v, `x${v}`] })
    }),
    { numRuns: 300 },
  )
})
