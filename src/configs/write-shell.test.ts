import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fillShell } from './write-shell.ts'

const WORD = 'rvlabcdefghijklmnopzq'
const fill = (script: string, value: string) => fillShell(script, new Map([[WORD, value]]))
const bash = (script: string) =>
  execFileSync('bash', ['-c', script], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 5000 })

/** Whoever runs it prints a word that no text of the script holds. */
const EVIL = [
  '$(echo P""WNED)',
  '`echo P""WNED`',
  '\'; echo P""WNED; \'',
  '"; echo P""WNED; "',
  'x\nEOF\necho P""WNED\n',
  '; echo P""WNED #',
  '\\',
  '$((',
  'a b',
]

describe('values in shell scripts', () => {
  test.each([
    [`cat <<EOF\nIt's ${WORD}\nEOF\necho ${WORD}\n`],
    [`cat <<'EOF'\nIt's ${WORD}\nEOF\necho ${WORD}\n`],
    [`cat <<-EOF\n\tit's\n\tEOF\necho ${WORD}\n`],
    [`cat <<EOF; echo "${WORD}"\n"\nEOF\necho '${WORD}'\n`],
    [`echo "$(echo "a ${WORD}")" ${WORD}\n`],
    [`echo "$(echo "it's $(echo ')')")" ${WORD}\n`],
    [`true|# it's\necho ${WORD}\n`],
    [`echo $'it\\'s' ${WORD}\n`],
    [`echo $(( 1 << 3 )) ${WORD}\n`],
    [`A=1; echo \${A#x} \${#A} $# $$ ${WORD}\n`],
    [`( (echo a) ); case a in b) ;; a) echo '${WORD}';; esac\n`],
    [`if true; then cat <<A <<'B'\nx $HOME\nA\n\`it's ${WORD}\nB\nfi\necho "${WORD}"\n`],
    [`echo "$(cat <<EOF\nit's ${WORD}\nEOF\n)" ${WORD}\n`],
  ])('%j means the value where it is sure', (script) => {
    for (const value of EVIL) {
      const { text, misfits } = fill(script, value)
      if (misfits.length > 0) continue
      expect(bash(text), text).not.toContain('PWNED')
    }
    expect(fill(script, 'a $b c').misfits).toEqual([])
    expect(bash(fill(script, 'a $b `c').text)).toContain('a $b `c')
  })

  test.each([
    [`echo \`echo ${WORD}\`\n`],
    [`echo "\${A:-${WORD}}"\n`],
    [`echo $'${WORD}'\n`],
    [`echo "\\${WORD}"\n`],
    [`cat <<EOF\n$(echo ${WORD})\nEOF\n`],
    [`cat <<EOF\n\\${WORD}\nEOF\n`],
    [`#!/usr/bin/python3\nprint("${WORD}")\n`],
    [`A="$(case x in x) echo;; esac)" ${WORD}\n`],
  ])('%j is refused where no quoting is sure', (script) => {
    expect(fill(script, '$(reboot)').misfits).not.toEqual([])
    if (!script.includes('\\r')) expect(fill(script, 'web1').misfits).toEqual([])
  })

  test('never end the here-document that they stand in', () => {
    expect(fill(`cat <<EOF\n${WORD}\nEOF\n`, 'EOF').misfits).toMatchObject([{ line: 1 }])
    expect(fill(`cat <<'EOF'\n${WORD}F\nEOF\n`, 'x\nEO').misfits).toMatchObject([{ line: 1 }])
    expect(fill(`cat <<-'EOF'\n${WORD}\n\tEOF\n`, 'x\n\tEOF').misfits).toHaveLength(1)
    expect(fill(`cat <<'EOF'\n${WORD}\nEOF\n`, 'x\ny').text).toBe(`cat <<'EOF'\nx\ny\nEOF\n`)
  })

  test('are never run, however a script is built', () => {
    const piece = fc.constantFrom(
      'echo a',
      ' ',
      '\n',
      "'",
      '"',
      '`',
      '$(',
      ')',
      '(',
      '${A',
      '}',
      '$((',
      '))',
      '<<EOF',
      "<<'EOF'",
      '\nEOF\n',
      '#',
      '\\',
      '$',
      '|',
      ';',
      '&&',
      "it's",
      'case x in',
      'x)',
      ';;',
      'esac',
      WORD,
      WORD,
      `echo ${WORD}`,
      `"${WORD}"`,
      `'${WORD}'`,
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), fc.constantFrom(...EVIL), (pieces, value) => {
        const { text, misfits } = fill(pieces.join(''), value)
        if (misfits.length > 0) return
        let output = ''
        try {
          output = bash(text)
        } catch (error) {
          output = String((error as { stdout?: string }).stdout ?? '')
        }
        expect(output, text).not.toContain('PWNED')
      }),
      { numRuns: 150 },
    )
  })
})
