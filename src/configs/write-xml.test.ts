import { expect, test } from 'vitest'
import { fillXml } from './write-xml.ts'

const WORD = 'rvlabcdefghijklmnopzq'
const fill = (text: string, value: string) => fillXml(text, new Map([[WORD, value]]))

test('values are escaped where they are content or attributes', () => {
  expect(fill(`<a b="${WORD}">${WORD}</a>`, `<&"'>\n`).text).toBe(
    '<a b="&#60;&#38;&#34;&#39;&#62;&#10;">&#60;&#38;&#34;&#39;&#62;&#10;</a>',
  )
  expect(fill(WORD, '\ud800').misfits).toHaveLength(1)
  expect(fill(`<a b='>' c="<!--">${WORD}</a>`, '-->').misfits).toEqual([])
})

test('values end no section, comment or tag', () => {
  expect(fill(`<a>\n<![CDATA[${WORD}]]></a>`, 'x]]><b/>').misfits).toMatchObject([{ line: 1 }])
  expect(fill(`<![CDATA[${WORD}]]>`, 'a & b').text).toBe('<![CDATA[a & b]]>')
  expect(fill(`<!-- ${WORD} -->`, 'x --').misfits).toHaveLength(1)
  expect(fill(`<a ${WORD}/>`, 'x="y"').misfits).toHaveLength(1)
  expect(fill(`<${WORD}>1</${WORD}>`, 'name').text).toBe('<name>1</name>')
})
