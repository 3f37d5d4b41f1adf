import { describe, expect, test } from 'vitest'
import { EXPANDED, readScript } from '../../../test/grub/reader.ts'
import { encodeScript, type GrubScript, MAX_SCRIPT } from './script.ts'
import { plainText, UnsafeText } from './text.ts'

const words = (script: GrubScript) => readScript(encodeScript(script))
const variable = (name: string) => `${EXPANDED}${name}${EXPANDED}`

describe('a script for GRUB', () => {
  test('is read by GRUB as the words that were meant, whatever is in them', () => {
    const odd = `a "b" $net_default_mac \\ { } ; | & # x < > é`.replace('é', '~')
    expect(words([{ run: { do: 'echo', text: odd } }])).toEqual([['echo', odd]])
    const quoted = `it's ${odd}`
    expect(words([{ run: { do: 'echo', text: quoted } }])).toEqual([['echo', quoted]])
  })

  test('expands variables inside text, and nothing else that looks like one', () => {
    const text = ['/grub/for?mac=', { variable: 'net_default_mac' }, '&x='] as const
    expect(words([{ run: { do: 'source', path: text } }])).toEqual([
      ['source', `/grub/for?mac=${variable('net_default_mac')}&x=`],
    ])
    expect(words([{ run: { do: 'echo', text: ['$uuid ', { variable: 'uuid' }] } }])).toEqual([
      ['echo', `$uuid ${variable('uuid')}`],
    ])
  })

  test('loads a kernel with each argument as one word', () => {
    const script: GrubScript = [
      {
        when: [
          { do: 'linux', path: '/blob/ab/vmlinuz', args: ['console=ttyS0,115200', 'x=$y;reboot', 'a{b}'] },
          { do: 'initrd', paths: ['/blob/cd/initrd', '/blob/ef/second'] },
        ],
        yes: [{ run: { do: 'boot' } }],
        no: [{ run: { do: 'echo', text: 'no' } }],
      },
    ]
    expect(words(script)).toEqual([
      ['if', 'linux', '/blob/ab/vmlinuz', 'console=ttyS0,115200', 'x=$y;reboot', 'a{b}'],
      ['then'],
      ['if', 'initrd', '/blob/cd/initrd', '/blob/ef/second'],
      ['then'],
      ['boot'],
      ['else'],
      ['echo', 'no'],
      ['fi'],
      ['else'],
      ['echo', 'no'],
      ['fi'],
    ])
  })

  test('writes loops, menus and what is empty', () => {
    expect(words([{ forever: [] }])).toEqual([['while', 'true'], ['do'], ['true'], ['done']])
    expect(words([{ entry: 'debian', title: "Debian's", run: [{ run: { do: 'reboot' } }] }])).toEqual([
      ['menuentry', "Debian's", '--id', 'debian'],
      ['reboot'],
    ])
    expect(words([{ each: 'file', of: ['/a', '/b'], run: [{ run: { do: 'search' } }] }])[0]).toEqual([
      'for',
      'file',
      'in',
      '/a',
      '/b',
    ])
  })

  test('refuses what GRUB would change, and says where', () => {
    const refused: [GrubScript, RegExp][] = [
      [[{ run: { do: 'echo', text: 'a\nreboot' } }], /printable ASCII/],
      [[{ run: { do: 'echo', text: '-n' } }], /option/],
      [[{ run: { do: 'linux', path: '/k', args: ['a="b c"'] } }], /a quote or a backslash/],
      [[{ run: { do: 'linux', path: '/k', args: ['a\\b'] } }], /a quote or a backslash/],
      [[{ run: { do: 'linux', path: '(hd0)/k', args: [] } }], /slash/],
      [[{ run: { do: 'source', path: '/a b' } }], /no place in a name/],
      [[{ run: { do: 'source', path: `/${'a'.repeat(500)}` } }], /too long/],
      [[{ run: { do: 'initrd', paths: [] } }], /no initrd/],
      [[{ run: { do: 'sleep', seconds: 4000 } }], /whole number/],
      [[{ entry: 'a b', title: 'x', run: [] }], /plain name/],
      [[{ when: [], yes: [] }], /no command/],
    ]
    for (const [script, why] of refused) {
      expect(() => encodeScript(script)).toThrow(UnsafeText)
      expect(() => encodeScript(script)).toThrow(why)
    }
    const long = Array.from({ length: MAX_SCRIPT / 10 }, () => ({ run: { do: 'echo', text: 'something' } }) as const)
    expect(() => encodeScript(long)).toThrow(/more than/)
  })

  test('shows any text on the screen without odd characters', () => {
    expect(plainText('--é\nx')).toBe('....x')
    expect(() => encodeScript([{ run: { do: 'echo', text: plainText('-n\x1b[2J ü') } }])).not.toThrow()
  })
})
