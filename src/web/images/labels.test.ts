import { expect, test } from 'vitest'
import { labelsOf, labelTexts } from './labels.ts'

test('labels survive being edited and not changed', () => {
  const labels = { os: 'debian', tested: '', note: 'a=b' }
  expect(labelsOf(labelTexts(labels))).toEqual(labels)
})

test('the last of two labels of one name counts', () => {
  expect(labelsOf(['os=debian', 'os = fedora '])).toEqual({ os: 'fedora' })
})
