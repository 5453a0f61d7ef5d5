import { card } from '@monorepo/ui'
import '@monorepo/ui/card.css'

document.body.append(card('Shop', 'What everybody may see.'))
