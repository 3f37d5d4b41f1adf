import { CloseButton, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { IconSearch } from '@tabler/icons-react'
import { type ReactNode, useEffect, useState } from 'react'
import style from './filters.module.css'

/** The row above a list with what it can be filtered by. */
export function Filters({ children }: { children: ReactNode }) {
  return <div className={style.tools}>{children}</div>
}

/** A text to filter by; told when the typing pauses. */
export function FilterText(props: {
  label: string
  placeholder: string
  value: string | undefined
  onChange: (text: string | undefined) => void
}) {
  const { value, onChange } = props
  const [text, setText] = useState(value ?? '')
  const [wanted] = useDebouncedValue(text.trim(), 200)
  useEffect(() => onChange(wanted || undefined), [wanted, onChange])
  // Cleared from outside, by a button or the way back of the browser.
  const [before, setBefore] = useState(value)
  if (before !== value) {
    setBefore(value)
    if (value === undefined) setText('')
  }
  return (
    <TextInput
      aria-label={props.label}
      placeholder={props.placeholder}
      leftSection={<IconSearch size={15} />}
      size="xs"
      className={style.text ?? ''}
      value={text}
      onChange={(event) => setText(event.currentTarget.value)}
      rightSection={text && <CloseButton size="xs" aria-label="Clear the filter" onClick={() => setText('')} />}
    />
  )
}

/** One of a few words to filter by; `undefined` is the choice of all. */
export function FilterChoice<Word extends string>(props: {
  label: string
  words: readonly (readonly [Word | undefined, ReactNode])[]
  value: Word | undefined
  onChange: (word: Word | undefined) => void
}) {
  return (
    <fieldset className={style.states} aria-label={props.label}>
      {props.words.map(([word, shown]) => (
        <button
          key={word ?? ''}
          type="button"
          className={style.state}
          aria-pressed={props.value === word}
          onClick={() => props.onChange(word)}
        >
          {shown}
        </button>
      ))}
    </fieldset>
  )
}
