import { CloseButton, Select, type SelectProps, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { IconSearch } from '@tabler/icons-react'
import { type ReactNode, useEffect, useRef, useState } from 'react'
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
  const told = useRef(value)
  const tell = useRef(onChange)
  useEffect(() => {
    tell.current = onChange
  })
  useEffect(() => {
    const now = wanted || undefined
    if (now === told.current) return
    told.current = now
    tell.current(now)
  }, [wanted])
  // Changed from outside: by a button, a link or the way back of the browser. What was told itself comes back later, and is no news.
  useEffect(() => {
    if (value === told.current) return
    told.current = value
    setText(value ?? '')
  }, [value])
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

/** One of many words to filter by; nothing chosen is the choice of all, which `placeholder` names. */
export function FilterSelect<Word extends string>({
  label,
  value,
  onChange,
  ...props
}: Omit<SelectProps<string>, 'value' | 'onChange' | 'label'> & {
  label: string
  value: Word | undefined
  onChange: (word: Word | undefined) => void
}) {
  return (
    <Select
      size="xs"
      clearable
      className={style.pick ?? ''}
      data-on={value !== undefined || undefined}
      aria-label={label}
      clearButtonProps={{ 'aria-label': `${label}: show all` }}
      {...props}
      value={value ?? null}
      onChange={(word) => onChange((word as Word | null) ?? undefined)}
    />
  )
}
