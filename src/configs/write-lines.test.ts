import { describe, expect, test } from 'vitest'
import { fillKickstart, fillPlainLines, fillPreseed } from './write-lines.ts'

const WORD = 'rvlabcdefghijklmnopzq'
const values = (value: unknown) => new Map([[WORD, value]])

test.each(['a\nb', 'a\rb', 'a\u0085b', 'a\u2028b', 'a\u0000', '\u001b[2J'])('%j is no part of a line', (value) => {
  for (const fill of [fillPlainLines, fillPreseed, fillKickstart])
    expect(fill(`one\ntwo ${WORD}`, values(value)).misfits).toMatchObject([{ line: 1 }])
})

describe('values in preseed files', () => {
  test('do not go on with the next line', () => {
    expect(fillPreseed(`d-i a string ${WORD}\nd-i b string x`, values('x\\')).misfits).toMatchObject([{ line: 0 }])
    expect(fillPreseed(`d-i a string ${WORD} x`, values('C:\\')).text).toBe('d-i a string C:\\ x')
  })

  test('are quoted in commands', () => {
    const command = `d-i preseed/late_command string \\\n  in-target useradd ${WORD}; \\\n  echo "${WORD}"\nd-i x string ${WORD}`
    expect(fillPreseed(command, values('a; reboot')).text).toBe(
      `d-i preseed/late_command string \\\n  in-target useradd 'a; reboot'; \\\n  echo "a; reboot"\nd-i x string a; reboot`,
    )
    expect(fillPreseed(command, values('a\nb')).misfits).not.toEqual([])
  })
})

describe('values in kickstart files', () => {
  test('are one word of a command', () => {
    const line = `network --hostname=${WORD} --device="${WORD}"`
    expect(fillKickstart(line, values('a --onboot=no')).text).toBe(
      `network --hostname='a --onboot=no' --device="a --onboot=no"`,
    )
    expect(fillKickstart(line, values(`a" 'b`)).text).toBe(`network --hostname='a" '"'"'b' --device="a\\" 'b"`)
    expect(fillKickstart(`x '${WORD}'`, values(`it's`)).misfits).toHaveLength(1)
  })

  test('begin and end no sections', () => {
    expect(fillKickstart(`${WORD}\n`, values('%post')).misfits).toMatchObject([{ line: 0 }])
    expect(fillKickstart(`%packages\n${WORD}\n%end`, values('%end')).misfits).toMatchObject([{ line: 1 }])
    expect(fillKickstart(`%packages\n${WORD}\n%end`, values('@^minimal environment')).misfits).toEqual([])
  })

  test('are quoted for the shell in scripts', () => {
    const script = `lang en\n%post --log=/x\necho ${WORD}\n%end\nurl ${WORD}`
    expect(fillKickstart(script, values('a; b')).text).toBe(`lang en\n%post --log=/x\necho 'a; b'\n%end\nurl 'a; b'`)
    expect(
      fillKickstart(`%post --interpreter=/usr/bin/python3\nx ${WORD}\n%end`, values('a; b')).misfits,
    ).toMatchObject([{ line: 1 }])
  })
})
