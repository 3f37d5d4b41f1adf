import { createTheme, type MantineColorsTuple } from '@mantine/core'

/** The night before the call: buttons, links, focus. */
const ink: MantineColorsTuple = [
  '#eef2fb',
  '#dbe3f4',
  '#b5c5e8',
  '#8ca6dd',
  '#6a8bd3',
  '#4f76c9',
  '#3a62ba',
  '#2c4f9f',
  '#223f82',
  '#14213d',
]

/** The dawn: the mark, and nothing that carries a state. */
const dawn: MantineColorsTuple = [
  '#fff6e5',
  '#ffebcc',
  '#ffd699',
  '#ffc467',
  '#ffb547',
  '#f59f1f',
  '#d98407',
  '#ad6800',
  '#855000',
  '#5c3700',
]

/** A neutral with a little blue in it, so that dark pages look like night and not like soot. */
const dark: MantineColorsTuple = [
  '#d5dae3',
  '#b4bccb',
  '#8f9ab0',
  '#68748c',
  '#3c475e',
  '#2c3548',
  '#222a3a',
  '#171d29',
  '#10151f',
  '#0b0f17',
]

export const theme = createTheme({
  colors: { ink, dawn, dark },
  primaryColor: 'ink',
  primaryShade: { light: 7, dark: 6 },
  autoContrast: true,
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", Arial, sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace',
  fontSizes: { xs: '0.75rem', sm: '0.8125rem', md: '0.875rem', lg: '1rem', xl: '1.125rem' },
  defaultRadius: 'sm',
  cursorType: 'pointer',
  respectReducedMotion: true,
  headings: {
    fontWeight: '620',
    sizes: { h1: { fontSize: '1.375rem' }, h2: { fontSize: '1rem' }, h3: { fontSize: '0.875rem' } },
  },
  components: {
    Button: { defaultProps: { size: 'xs' } },
    ActionIcon: { defaultProps: { variant: 'subtle', color: 'gray', size: 'md' } },
    TextInput: { defaultProps: { size: 'sm' } },
    PasswordInput: { defaultProps: { size: 'sm' } },
    Select: { defaultProps: { size: 'sm', comboboxProps: { shadow: 'md' } } },
    Modal: { defaultProps: { centered: true, overlayProps: { backgroundOpacity: 0.45 } } },
    Drawer: { defaultProps: { position: 'right', overlayProps: { backgroundOpacity: 0.35 } } },
    Tooltip: { defaultProps: { openDelay: 300, withArrow: true } },
    Menu: { defaultProps: { shadow: 'md', position: 'bottom-end' } },
  },
})
