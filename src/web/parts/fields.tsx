import { NumberInput, type NumberInputProps, TextInput, type TextInputProps } from '@mantine/core'
import { fieldProblem } from '../api/call.ts'

/** What fields of a form share. `of`: the field of the request that it fills; what the server says of that stands beside it. */
type Field<Value> = { value: Value; onChange: (value: Value) => void; error?: Error | null; of?: string }
type Others<Props> = Omit<Props, 'value' | 'onChange' | 'error'>

const problemOf = ({ error = null, of }: Pick<Field<unknown>, 'error' | 'of'>) => of && fieldProblem(error, of)

/** A line of text. */
export function TextField({ value, onChange, error, of, ...others }: Field<string> & Others<TextInputProps>) {
  return (
    <TextInput
      {...others}
      value={value}
      error={problemOf({ error: error ?? null, of })}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  )
}

/** A number, or `null` where nothing is typed. */
export function NumberField({
  value,
  onChange,
  error,
  of,
  ...others
}: Field<number | null> & Others<NumberInputProps>) {
  return (
    <NumberInput
      {...others}
      value={value ?? ''}
      error={problemOf({ error: error ?? null, of })}
      onChange={(typed) => onChange(typed === '' ? null : Number(typed))}
    />
  )
}
