import { card } from '@monorepo/ui'
import '@monorepo/ui/card.css'

document.body.append(card('Admin', 'What only a few may see.'))
