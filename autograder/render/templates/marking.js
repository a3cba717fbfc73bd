"use strict";
{
  const found = id => document.getElementById(id)
  const base = location.pathname
  const number = value => String(Math.round(value * 100) / 100)
  const plain = text => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase()
  const PAUSE_MS = 900

  let overview = null
  let chosen = null
  let sheet = null
  let place = 0
  let draft = null
  let digits = { text: "", at: 0 }
  let awaitsBank = false
  let busy = false
  const drafts = new Map()
  const undone = []

  function element(tag, style, ...content) {
    const made = document.createElement(tag)
    if (style) made.className = style
    made.append(...content)
    return made
  }

  function say(text, kind = "", where = "said") {
    found(where).textContent = text
    found(where).className = `said ${kind}`
  }

  // Bold, emphasis and code of Markdown; mathematics stays as it was typed.  Everything is written as text.
  function write(where, text) {
    const pieces = text.split(/(\$\$[^$]+\$\$|\$[^$\n]+\$|`[^`\n]+`|\*\*[^*\n]+\*\*|\*[^*\s][^*\n]*\*)/)
    where.replaceChildren(...pieces.map((piece, at) => {
      if (at % 2 === 0) return piece
      if (piece.startsWith("$")) return element("span", "math", piece)
      if (piece.startsWith("`")) return element("code", "", piece.slice(1, -1))
      return piece.startsWith("**") ? element("strong", "", piece.slice(2, -2)) : element("em", "", piece.slice(1, -1))
    }))
  }

  async function ask(path, query = {}) {
    return answered(await fetch(`${base}${path}?${new URLSearchParams(query)}`))
  }

  async function send(path, content) {
    const headers = { "Content-Type": "application/json", "X-Autograder-Mark": "1" }
    return answered(await fetch(`${base}${path}`, { method: "POST", headers, body: JSON.stringify(content) }))
  }

  async function answered(response) {
    const text = await response.text()
    let content
    try {
      content = JSON.parse(text)
    } catch {
      content = { message: text }
    }
    if (response.ok) return content
    const error = new Error(content.message || `The server answered ${response.status}.`)
    error.changed = response.status === 409
    throw error
  }

  function reason(error) {
    return error instanceof TypeError ? "Not saved: autograder mark does not answer. Is it still running?" : error.message
  }

  // --- questions ----------------------------------------------------------------------------

  const row = () => sheet.answers[place]
  const waits = one => one.answered && one.mark.points === null
  const key = one => `${chosen.assignment} ${chosen.question} ${one.student}`
  const isChanged = () => draft.points !== row().mark.points || draft.comment !== row().mark.comment

  function remember() {
    if (!sheet || !draft) return
    if (isChanged()) drafts.set(key(row()), draft)
    else drafts.delete(key(row()))
  }

  function go(to) {
    if (busy || !sheet.answers.length) return
    remember()
    place = (to + sheet.answers.length) % sheet.answers.length
    draft = drafts.get(key(row())) || { points: row().mark.points, comment: row().mark.comment }
    awaitsBank = false
    digits = { text: "", at: 0 }
    show()
  }

  function next() {
    for (let step = 1; step <= sheet.answers.length; step++) {
      const at = (place + step) % sheet.answers.length
      if (waits(sheet.answers[at])) return go(at)
    }
    say(sheet.answers.some(waits) ? "" : "Every answer to this question is marked.", "good")
    show()
  }

  function note(text) {
    return element("p", "note", text)
  }

  function show() {
    const one = row()
    found("student").textContent = one.label
    found("place").textContent = `${place + 1} of ${sheet.answers.length}${one.file ? ` · ${one.file}` : ""}`
    const notes = []
    if (one.changed) notes.push(note("The answer changed since it was marked. The mark stands until you save another."))
    if (one.question_changed) notes.push(note("The question’s text changed since this was marked."))
    if (one.unread) notes.push(note("This report was written before answers were kept: run autograder grade again to read it here."))
    if (one.pictures) notes.push(note("The answer holds a picture, which is not shown here: open the notebook."))
    if (one.mark.source === "gradebook") notes.push(note("This mark was read from the gradebook."))
    found("notes").replaceChildren(...notes)
    write(found("answer"), one.answered ? one.text : "No answer: 0 points, unless you give some.")
    found("answer").classList.toggle("none", !one.answered)
    found("comment").value = draft.comment
    for (const button of found("points").children)
      button.setAttribute("aria-pressed", String(Number(button.value) === draft.points && draft.points !== null))
    showProgress()
    found("clear").disabled = one.mark.points === null && !one.mark.comment
  }

  function showProgress() {
    const those = sheet.answers.filter(one => one.answered)
    const done = those.filter(one => !waits(one)).length
    found("share").style.width = `${those.length ? (100 * done) / those.length : 100}%`
    found("count").textContent = `${done} of ${those.length} marked`
    const strip = found("strip")
    sheet.answers.forEach((one, at) => {
      const button = strip.children[at]
      const kind = one.changed ? "changed" : one.mark.points !== null ? "marked" : one.answered ? "" : "empty"
      const state = { changed: "changed since it was marked", marked: `${number(one.mark.points || 0)} points`, empty: "no answer", "": "to be marked" }[kind]
      button.className = kind
      button.title = `${one.label}: ${state}`
      button.setAttribute("aria-label", button.title)
      button.setAttribute("aria-current", String(at === place))
    })
    const option = found("what").selectedOptions[0]
    if (option) option.textContent = title(chosen, those.length - done)
  }

  function showBank() {
    found("bank-empty").hidden = sheet.bank.length > 0
    found("bank").replaceChildren(...sheet.bank.map((comment, at) => {
      const take = element("button", "", comment)
      take.type = "button"
      take.dir = "auto"
      take.addEventListener("click", () => insert(comment))
      const drop = element("button", "soft", "×")
      drop.type = "button"
      drop.setAttribute("aria-label", `Drop from the bank: ${comment}`)
      drop.addEventListener("click", () => keep(comment, true))
      return element("li", "", at < 9 ? element("kbd", "", String(at + 1)) : "", take, drop)
    }))
  }

  function insert(comment) {
    awaitsBank = false
    if (busy) return
    const there = draft.comment.trim()
    if (!there.includes(comment)) draft.comment = there ? `${there} ${comment}` : comment
    found("comment").value = draft.comment
    say("")
  }

  function give(points) {
    if (busy) return
    draft.points = Math.min(sheet.points, Math.max(0, points))
    say("Not saved yet: Enter saves.")
    show()
  }

  function typed(digit) {
    const now = Date.now()
    const longer = now - digits.at < PAUSE_MS ? digits.text + digit : digit
    digits = { text: Number(longer) <= sheet.points ? longer : digit, at: now }
    if (Number(digits.text) > sheet.points) return say(`Give between 0 and ${number(sheet.points)} points.`, "bad")
    give(Number(digits.text))
  }

  async function store(one, points, comment, isUndo = false) {
    const before = { ...one.mark }
    const asked = {
      assignment: chosen.assignment, student: one.student, kind: "question", name: chosen.question,
      revision: one.mark.revision, points, comment, answer_sha256: one.sha256,
    }
    const own = key(one)
    one.mark = await send("mark", asked)
    one.changed = one.question_changed = false
    drafts.delete(own)
    if (!isUndo) undone.push({ ...chosen, student: one.student, points: before.points, comment: before.comment })
    found("undo").disabled = undone.length === 0
  }

  async function save(then) {
    if (busy || !sheet.answers.length) return
    const one = row()
    if (draft.points === null && !draft.comment.trim()) return say("Give points first: a number key.", "bad")
    busy = true
    say("Saving …")
    try {
      await store(one, draft.points, draft.comment.trim())
      draft = { points: one.mark.points, comment: one.mark.comment }
      busy = false
      say(`Saved: ${one.label}, ${one.mark.points === null ? "a comment" : `${number(one.mark.points)} points`}.`, "good")
      if (then === "next") next()
      else show()
    } catch (error) {
      if (error.changed) await reload()
      say(reason(error), "bad")
    } finally {
      busy = false
    }
  }

  async function undo() {
    const last = undone.at(-1)
    if (!last || busy) return
    busy = true
    try {
      if (chosen.assignment !== last.assignment || chosen.question !== last.question) await choose(last.assignment, last.question)
      const at = sheet.answers.findIndex(one => one.student === last.student)
      if (at < 0) throw new Error("That student is not here any more.")
      await store(sheet.answers[at], last.points, last.comment, true)
      undone.pop()
      busy = false
      draft = null
      go(at)
      say(`Undone: ${row().label}.`, "good")
    } catch (error) {
      say(reason(error), "bad")
    } finally {
      found("undo").disabled = undone.length === 0
      busy = false
    }
  }

  async function takeBack() {
    if (busy) return
    busy = true
    try {
      await store(row(), null, "")
      draft = { points: null, comment: "" }
      say("Taken back: this answer is to be marked again.", "good")
      show()
    } catch (error) {
      if (error.changed) await reload()
      say(reason(error), "bad")
    } finally {
      busy = false
    }
  }

  async function keep(comment, drop = false) {
    if (!comment.trim()) return say("Write a comment first.", "bad")
    try {
      sheet.bank = await send("comment", { assignment: chosen.assignment, name: chosen.question, comment: comment.trim(), drop })
      showBank()
      say(drop ? "Dropped from the bank." : "Kept in the bank.", "good")
    } catch (error) {
      say(reason(error), "bad")
    }
  }

  async function reload() {
    const student = row().student
    const mine = { ...draft }
    sheet = await ask("answers", { assignment: chosen.assignment, question: chosen.question })
    place = Math.max(0, sheet.answers.findIndex(one => one.student === student))
    draft = mine
    show()
    found("notes").append(note(`Saved by ${row().mark.by}: ${row().mark.points === null ? "no points" : `${number(row().mark.points)} points`}${row().mark.comment ? `, “${row().mark.comment}”` : ""}.`))
  }

  async function choose(assignment, question) {
    remember()
    sheet = draft = null
    chosen = { assignment, question }
    found("what").value = JSON.stringify([assignment, question])
    found("questions").hidden = question === null
    found("exercises").hidden = question !== null
    found("share").parentElement.parentElement.hidden = question === null
    say("")
    if (question === null) return openStudents()
    sheet = await ask("answers", chosen)
    write(found("text"), sheet.text || "The question’s text is in the course, which was not found: name it with --course.")
    write(found("scheme"), sheet.scheme ? `**Mark scheme.** ${sheet.scheme}` : "There is no mark scheme.")
    write(found("model"), sheet.model)
    found("model-block").hidden = !sheet.model
    found("worth").textContent = `Points, at most ${number(sheet.points)}`
    const steps = sheet.points <= 6 ? 0.5 : 1
    const values = Array.from({ length: Math.min(40, Math.floor(sheet.points / steps) + 1) }, (_, i) => i * steps)
    if (values.at(-1) !== sheet.points) values.push(sheet.points)
    found("points").replaceChildren(...values.map(value => {
      const button = element("button", "", number(value))
      button.type = "button"
      button.value = value
      button.addEventListener("click", () => give(value))
      return button
    }))
    found("strip").replaceChildren(...sheet.answers.map((_, at) => {
      const button = element("button", "")
      button.type = "button"
      button.tabIndex = -1
      button.addEventListener("click", () => go(at))
      return button
    }))
    names(sheet.answers)
    showBank()
    const first = sheet.answers.findIndex(waits)
    place = 0
    go(Math.max(0, first))
    if (first < 0) say("Every answer to this question is marked.", "good")
    found("answer").focus({ preventScroll: true })
  }

  // --- exercises ----------------------------------------------------------------------------

  let students = []
  let current = null

  async function openStudents() {
    students = await ask("students", { assignment: chosen.assignment })
    names(students)
    current = null
    found("overrides").hidden = true
    found("exercises-student").textContent = "Choose a student"
    listStudents()
  }

  function listStudents() {
    const wanted = plain(found("search").value)
    const those = students.filter(one => plain(one.label).includes(wanted))
    found("found").replaceChildren(...those.map(one => {
      const button = element("button", "", one.label)
      button.type = "button"
      button.dir = "auto"
      button.setAttribute("aria-current", String(one === current))
      button.addEventListener("click", () => openStudent(one))
      return element("li", "", button)
    }))
  }

  async function openStudent(one) {
    current = one
    listStudents()
    say("", "", "exercises-said")
    const exercises = await ask("exercises", { assignment: chosen.assignment, student: one.student })
    found("exercises-student").textContent = one.label
    found("overrides").hidden = false
    found("rows").replaceChildren(...exercises.map(exercise => exerciseRow(one, exercise)))
  }

  function exerciseRow(one, exercise) {
    const points = element("input", "points")
    points.type = "text"
    points.inputMode = "decimal"
    points.placeholder = number(exercise.automatic)
    points.value = exercise.mark.points === null ? "" : number(exercise.mark.points)
    points.setAttribute("aria-label", `Points by hand for ${exercise.name}, at most ${number(exercise.points)}`)
    const comment = element("input", "reason")
    comment.type = "text"
    comment.dir = "auto"
    comment.value = exercise.mark.comment
    comment.setAttribute("aria-label", `Comment on ${exercise.name}`)
    const button = element("button", "", "Save")
    button.type = "button"
    const saveRow = () => saveExercise(one, exercise, points.value, comment.value)
    button.addEventListener("click", saveRow)
    for (const field of [points, comment])
      field.addEventListener("keydown", event => event.key === "Enter" && (event.preventDefault(), saveRow()))
    const head = element("th", "code", exercise.name)
    head.scope = "row"
    const told = exercise.told.map(text => {
      const line = element("span", "sentence", text)
      line.dir = "auto"
      return line
    })
    if (exercise.changed) told.push(element("span", "sentence failed", "The checks find other points than when this was marked."))
    const state = element("td", "", element("span", exercise.status.replaceAll(" ", "-"), exercise.status), ...told)
    const automatic = element("td", "number", `${number(exercise.automatic)} / ${number(exercise.points)}${exercise.bonus ? " bonus" : ""}`)
    return element("tr", "", head, state, automatic, element("td", "", points), element("td", "", comment), element("td", "", button))
  }

  async function saveExercise(one, exercise, text, comment) {
    const trimmed = text.trim().replace(",", ".")
    const points = trimmed === "" ? null : Number(trimmed)
    if (Number.isNaN(points)) return say(`“${text}” is not a number of points.`, "bad", "exercises-said")
    try {
      const asked = {
        assignment: chosen.assignment, student: one.student, kind: "exercise", name: exercise.id,
        revision: exercise.mark.revision, points, comment: comment.trim(),
      }
      exercise.mark = await send("mark", asked)
      const what = points === null ? (comment.trim() ? "the comment" : "nothing by hand any more") : `${number(points)} points by hand`
      say(`Saved: ${one.label}, ${exercise.name}, ${what}.`, "good", "exercises-said")
    } catch (error) {
      if (error.changed) await openStudent(one)
      say(reason(error), "bad", "exercises-said")
    }
  }

  // --- finding and keys ---------------------------------------------------------------------

  function names(those) {
    found("names").replaceChildren(...those.map(one => {
      const option = element("option", "")
      option.value = one.label
      return option
    }))
  }

  function search() {
    const wanted = plain(found("search").value.trim())
    if (chosen.question === null) return listStudents()
    if (!wanted) return
    const exact = sheet.answers.findIndex(one => plain(one.label) === wanted)
    const at = exact >= 0 ? exact : sheet.answers.findIndex(one => plain(one.label).includes(wanted))
    if (at < 0) return say("No student of that name.", "bad")
    say("")
    go(at)
  }

  function title(one, waiting) {
    const assignment = overview.assignments.find(each => each.name === one.assignment)
    const question = assignment.questions.find(each => each.id === one.question)
    const state = waiting ? `${waiting} to be marked` : "all marked"
    return `${one.assignment} · ${question ? `${question.name} (${state})` : "exercises"}`
  }

  function toggleKeys() {
    found("keys").hidden = !found("keys").hidden
    found("keys-button").setAttribute("aria-expanded", String(!found("keys").hidden))
  }

  const actions = {
    Enter: () => save("next"), s: () => save("stay"), ArrowRight: () => go(place + 1), ArrowLeft: () => go(place - 1), n: next,
    c: () => found("comment").focus(), u: undo, k: () => keep(draft.comment), f: () => give(sheet.points),
    ".": () => give(draft.points === null ? 0.5 : draft.points + 0.5), ",": () => give(draft.points === null ? 0.5 : draft.points + 0.5),
    b: () => { awaitsBank = true; say(sheet.bank.length ? "Which comment? A number key." : "The bank is empty.") },
  }

  addEventListener("keydown", event => {
    if (event.isComposing || event.altKey || event.metaKey) return
    const isField = event.target.matches("input, textarea, select")
    if (event.target === found("comment") && event.key === "Enter" && event.ctrlKey) {
      event.preventDefault()
      return save("next")
    }
    if (event.key === "Escape" && isField) return event.target.blur()
    if (event.target === found("search") && event.key === "Enter") {
      event.preventDefault()
      search()
      return event.target.blur()
    }
    if (isField || event.ctrlKey) return
    if (event.key === "?") return toggleKeys()
    if (event.key === "/") {
      event.preventDefault()
      return found("search").focus()
    }
    if (!sheet) return
    if (event.key === "Enter" && event.target.matches("button, summary")) return
    if (/^[0-9]$/.test(event.key)) {
      event.preventDefault()
      const comment = sheet.bank[Number(event.key) - 1]
      if (awaitsBank && comment !== undefined) return insert(comment)
      return typed(event.key)
    }
    const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key]
    if (action) {
      event.preventDefault()
      action()
    }
  })

  found("comment").addEventListener("input", event => { draft.comment = event.target.value })
  found("save").addEventListener("click", () => save("next"))
  found("undo").addEventListener("click", undo)
  found("keep").addEventListener("click", () => keep(draft.comment))
  found("clear").addEventListener("click", takeBack)
  found("keys-button").addEventListener("click", toggleKeys)
  found("search").addEventListener("change", search)
  found("search").addEventListener("input", () => chosen.question === null && listStudents())
  found("what").addEventListener("change", event => {
    const [assignment, question] = JSON.parse(event.target.value)
    event.target.blur()
    choose(assignment, question).catch(error => say(reason(error), "bad"))
  })
  addEventListener("beforeunload", event => {
    remember()
    if (drafts.size) event.preventDefault()
  })

  async function begin() {
    overview = await ask("overview")
    found("search").hidden = overview.anonymous
    found("comment").maxLength = overview.longest
    const groups = overview.assignments.map(assignment => {
      const group = element("optgroup", "")
      group.label = assignment.title || assignment.name
      for (const question of [...assignment.questions, { id: null }]) {
        const option = element("option", "")
        option.value = JSON.stringify([assignment.name, question.id])
        option.textContent = title({ assignment: assignment.name, question: question.id }, question.waiting)
        group.append(option)
      }
      return group
    })
    found("what").replaceChildren(...groups)
    const all = overview.assignments.flatMap(one => one.questions.map(question => [one.name, question]))
    const first = all.find(([, question]) => question.waiting) || all[0]
    await choose(first ? first[0] : overview.assignments[0].name, first ? first[1].id : null)
  }

  begin().catch(error => {
    found("questions").hidden = false
    say(reason(error), "bad")
  })
}
