"use strict";
{
  const found = id => document.getElementById(id)
  const { headings, statuses, prefix, rows } = JSON.parse(found("table-data").textContent)
  const table = found("table")
  const body = table.tBodies[0]
  const order = new Intl.Collator("en", { numeric: true, sensitivity: "base" })
  const plain = text => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase()

  function decoded(place) {
    try {
      return decodeURIComponent(place)
    } catch {
      return place
    }
  }

  const students = rows.map(([name, place, ...packed]) => ({
    name,
    place,
    key: plain(`${name} ${decoded(place)}`),
    cells: packed.flatMap(cell => typeof cell === "string" ? [...cell].map(sign => sign === "-" ? null : Number(sign)) : [cell]),
  }))
  let shown = students
  let page = 0

  function element(tag, style, ...content) {
    const made = document.createElement(tag)
    if (style) made.className = style
    made.append(...content)
    return made
  }

  function linked(student, heading, content) {
    if (!student.place || heading.page === null) return content
    const link = element("a", "", content)
    link.href = `${prefix}${student.place}${heading.page}`
    return link
  }

  function bar(value, most) {
    const full = element("i", "")
    full.style.width = `${most ? 100 * Math.min(1, Math.max(0, value / most)) : 0}%`
    const meter = element("span", "meter", full)
    meter.setAttribute("aria-hidden", "true")
    return meter
  }

  const draw = {
    points: (student, heading, value) =>
      element("td", "number", linked(student, heading, String(value)), bar(value, heading.most)),
    number: (student, heading, value) => element("td", "number", linked(student, heading, String(value))),
    share: (student, heading, value) => element("td", "number", `${value} %`),
    seconds: (student, heading, value) => element("td", "number soft", `${value.toFixed(1)} s`),
    status: (student, heading, value) => element("td", `word ${statuses[value][0]}`, statuses[value][2]),
    mark: (student, heading, value) => {
      const [style, mark, word] = statuses[value]
      return element("td", style, mark, element("b", "", word))
    },
  }

  function drawn(student) {
    const name = element("th", "student", linked(student, headings[0], element("bdi", "", student.name)))
    name.scope = "row"
    const cells = student.cells.map((value, i) => {
      const heading = headings[i + 1]
      if (value !== null) return draw[heading.kind](student, heading, value)
      return heading.kind === "mark" ? element("td", "") : element("td", "number soft", "–")
    })
    return element("tr", "", name, ...cells)
  }

  function show() {
    const size = Number(found("table-size").value) || Math.max(1, shown.length)
    const pages = Math.max(1, Math.ceil(shown.length / size))
    page = Math.max(0, Math.min(page, pages - 1))
    const first = page * size
    const last = Math.min(first + size, shown.length)
    body.replaceChildren(...shown.slice(first, last).map(drawn))
    found("table-previous").setAttribute("aria-disabled", page === 0)
    found("table-next").setAttribute("aria-disabled", page === pages - 1)
    const number = count => count.toLocaleString("en")
    const of = `${number(shown.length)} ${shown.length === 1 ? "student" : "students"}`
    found("table-shown").textContent = shown.length > last - first ? `${number(first + 1)} to ${number(last)} of ${of}` : of
  }

  function search() {
    const words = plain(found("table-search").value).split(/\s+/)
    shown = students.filter(student => words.every(word => student.key.includes(word)))
    page = 0
    show()
  }

  function sort(column, headers) {
    const falling = headers[column].getAttribute("aria-sort") === "ascending"
    headers.forEach((header, i) => header.setAttribute("aria-sort", i !== column ? "none" : falling ? "descending" : "ascending"))
    const sign = falling ? -1 : 1
    students.sort((one, other) => {
      if (column === 0) return sign * order.compare(one.name, other.name)
      const [a, b] = [one.cells[column - 1], other.cells[column - 1]]
      if (a === null || b === null) return (a === null) - (b === null)  // whoever has none is last in both directions
      return sign * (a - b)
    })
    search()
  }

  function turn(step) {
    return event => {
      if (event.currentTarget.getAttribute("aria-disabled") === "true") return
      page += step
      show()
    }
  }

  const headers = [...table.tHead.rows[0].cells]
  headers.forEach((header, i) => {
    const button = element("button", "", ...header.childNodes)
    button.type = "button"
    button.addEventListener("click", () => sort(i, headers))
    header.append(button)
    header.setAttribute("aria-sort", i ? "none" : "ascending")
  })
  found("table-search").addEventListener("input", search)
  found("table-size").addEventListener("change", () => { page = 0; show() })
  found("table-previous").addEventListener("click", turn(-1))
  found("table-next").addEventListener("click", turn(1))
  found("table-tools").hidden = false
  if (found("table-first")) found("table-first").hidden = true
  show()
}
