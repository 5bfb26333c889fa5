// The page's half of live_document.py: one view of a bokeh document that Python goes on changing.
//
// A view asks for the whole document, and then applies changes as long as each begins at the version that it has. It
// reports each version that it shows. When a change is missing, it asks for the whole document again.

const PATIENCE = 5000 // milliseconds until the scripts of bokeh are asked for, which a notebook usually holds itself

function loaded(model) {
  return new Promise(resolve => {
    const begin = Date.now()
    let asked = false
    const timer = setInterval(() => {
      if (window.Bokeh?.require !== undefined) { clearInterval(timer); resolve(window.Bokeh) }
      else if (!asked && Date.now() - begin > PATIENCE) { asked = true; model.send({kind: "scripts"}) }
    }, 50)
  })
}

// Axes that a person has moved, by their ids: what a new copy of the document has to repeat.
function moved(document) {
  const ranges = new Map()
  for (const model of document?._all_models.values() ?? []) {
    if (model.type === "Range1d" && (model.start !== model.reset_start || model.end !== model.reset_end)) {
      ranges.set(model.id, {start: model.start, end: model.end})
    }
  }
  return ranges
}

async function render({model, el}) {
  const view = crypto.randomUUID?.() ?? String(Math.random())
  let document = null, version = null, closed = false
  const send = message => { if (!closed) { model.send({...message, view}) } }

  function show(Bokeh, content) {
    const {Document} = Bokeh.require("document")
    const {add_document_standalone} = Bokeh.require("embed/standalone")
    const ranges = moved(document)
    document?.clear()
    el.replaceChildren()
    document = Document.from_json(JSON.parse(content.document))
    for (const [id, range] of ranges) { document.get_model_by_id(id)?.setv(range) }
    const roots = {}
    for (const root of document.roots()) { roots[root.id] = el }
    add_document_standalone(document, el, roots)
  }

  function receive(content, buffers) {
    if (content.kind === "scripts" && window.Bokeh === undefined) {
      const script = window.document.createElement("script")
      script.textContent = content.source
      window.document.head.append(script)
    } else if (content.kind === "whole" && content.view === view) {
      show(window.Bokeh, content)
      version = content.version
      send({kind: "seen", version})
    } else if (content.kind === "change" && version !== null && content.version > version) {
      if (content.from !== version) {
        version = null
        send({kind: "whole"})
        return
      }
      const parts = content.buffers.map((id, k) => {
        const part = buffers[k]
        return [id, part.buffer.slice(part.byteOffset, part.byteOffset + part.byteLength)]
      })
      document.apply_json_patch(JSON.parse(content.patch), new Map(parts))
      version = content.version
      send({kind: "seen", version})
    }
  }

  model.on("msg:custom", receive)
  loaded(model).then(() => send({kind: "whole"}))
  return () => {
    send({kind: "gone"})
    closed = true
    model.off("msg:custom", receive)
    document?.clear()
  }
}

export default {render}
