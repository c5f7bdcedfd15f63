// Draws what /floor.json says, every two seconds, and says so when it says nothing.
// Whatever came from outside is only ever put down as text.
"use strict";

const EVERY_MS = 2000;
const PATIENCE_MS = 5000;
const LOST_AFTER_MS = 6000;
const STATES = ["free", "waiting", "billed", "reserved", "paid", "parked"];
const ENDS = {
  paid: "Paid", part_paid: "Paid in part", declined: "Declined", left: "Left", unpaid: "Not paid in time",
  no_bill: "No bill", expired: "Expired", withdrawn: "Bill taken back",
  mismatch: "Amounts differed", refused: "Refused", leftover: "Old order cleared",
  parked: "Needs a human",
};
const PAYING = new Set(["paid", "part_paid"]);
const LOOPS = { reservations: "Guests\u2019 answers", sweep: "Alarm clock", strangers: "Strangers", journal: "Journal" };

const at = (id) => document.getElementById(id);
let heardAt = null;   // When the worker last answered, by this page's own clock.
let drawnAt = 0;      // When the newest answer came, for counting ages on.
let shownTime = "";
let known = new Map();
let timer = 0;

function make(tag, kind, text) {
  const made = document.createElement(tag);
  if (kind) made.className = kind;
  if (text !== undefined) made.textContent = text;
  return made;
}

function glyph(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "glyph");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", "#g-" + name);
  svg.append(use);
  return svg;
}

function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const figures = new Intl.NumberFormat(undefined, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const money = (minor, currency) => figures.format(minor / 100) + "\u00a0" + currency;

function lasting(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return s + "\u00a0s";
  if (s < 3600) return Math.floor(s / 60) + "\u00a0min";
  if (s < 86400) return Math.floor(s / 3600) + "\u00a0h\u00a0" + String(Math.floor((s % 3600) / 60)).padStart(2, "0");
  return Math.floor(s / 86400) + "\u00a0d";
}

const clock = (iso, withSeconds) => new Date(iso).toLocaleTimeString([], {
  hour: "2-digit", minute: "2-digit", second: withSeconds ? "2-digit" : undefined, hour12: false,
});

// Ages go on between two answers, and stand still when there is none.

function keepAge(element, seconds, form) {
  element.dataset.age = seconds;
  element.dataset.form = form;
  put(element, form.replace("#", lasting(seconds)));
}

function ageOn() {
  const lost = heardAt === null ? Infinity : performance.now() - heardAt;
  if (lost > LOST_AFTER_MS && document.body.dataset.contact === "good") loseContact();
  if (document.body.dataset.contact !== "good") return;
  const passed = (performance.now() - drawnAt) / 1000;
  for (const element of document.querySelectorAll("[data-age]")) {
    put(element, element.dataset.form.replace("#", lasting(Number(element.dataset.age) + passed)));
  }
}

// One location.

function placeOf(where) {
  const id = "place-" + where.id;
  let place = at(id);
  if (!place) {
    place = make("section", "place");
    place.id = id;
    place.setAttribute("aria-labelledby", id + "-name");
    const head = make("div", "place-head");
    const name = make("h2", "name");
    name.id = id + "-name";
    const tally = make("ul", "tally");
    tally.setAttribute("aria-label", "Tables by state");
    head.append(name, make("span", "asked"), tally);
    const spots = make("ul", "spots");
    spots.setAttribute("aria-labelledby", id + "-name");
    place.append(head, spots, make("p", "none"));
    at("floor").append(place);
  }
  return place;
}

function drawPlace(where, news) {
  const place = placeOf(where);
  put(place.querySelector(".name"), where.name);
  const asked = place.querySelector(".asked");
  const isBad = where.poll.trouble !== null;
  asked.dataset.bad = isBad;
  if (where.poll.age_s === null) {
    delete asked.dataset.age;
    put(asked, "Paysera not reached yet");
  } else {
    keepAge(asked, where.poll.age_s, isBad ? "last answer # ago" : "looked # ago");
  }
  const counts = Object.fromEntries(STATES.map((state) => [state, 0]));
  const list = place.querySelector(".spots");
  const drawn = new Map([...list.children].map((tile) => [tile.dataset.key, tile]));
  let before = null;
  for (const spot of where.spots) {
    counts[spot.state] = (counts[spot.state] || 0) + 1;
    const tile = drawn.get(spot.name) || tileOf(spot.name);
    drawn.delete(spot.name);
    drawSpot(tile, spot, where, news);
    const next = before ? before.nextSibling : list.firstChild;
    if (tile !== next) list.insertBefore(tile, next);
    before = tile;
  }
  for (const gone of drawn.values()) gone.remove();
  drawTally(place.querySelector(".tally"), counts);
  const none = place.querySelector(".none");
  none.hidden = where.spots.length > 0 && where.spots_left_out === 0;
  put(none, where.spots.length === 0
    ? "No table was seen yet. One appears here when its first guest checks in."
    : "and " + where.spots_left_out + " more tables");
}

function drawTally(list, counts) {
  for (const state of STATES) {
    let item = list.querySelector('[data-state="' + state + '"]');
    if (!item) {
      item = make("li");
      item.dataset.state = state;
      item.append(glyph(state), make("span"));
      list.append(item);
    }
    item.dataset.count = counts[state];
    put(item.lastChild, counts[state] + " " + state);
  }
}

function tileOf(name) {
  const tile = make("li", "spot");
  tile.dataset.key = name;
  const parts = /^(.*?)[\s_-]*([0-9]{1,4})$/.exec(name);
  const title = make("span", "title");
  if (parts) title.append(make("span", "word", (parts[1] || "table") + " "), make("span", "number", parts[2]));
  else title.append(make("span", "whole", name));
  const state = make("span", "spot-state");
  state.append(make("span", "mark"), make("span", "state-word"));
  // In the order in which it is read aloud; the sheet puts the age into the corner.
  for (const part of [title, state, make("span", "spot-note"), make("span", "spot-amount"), make("span", "spot-age")]) {
    tile.append(part, " ");
  }
  return tile;
}

function drawSpot(tile, spot, where, news) {
  const key = where.id + "/" + spot.name;
  if (tile.dataset.state !== spot.state) {
    tile.dataset.state = spot.state;
    tile.querySelector(".mark").replaceChildren(glyph(STATES.includes(spot.state) ? spot.state : "other"));
    put(tile.querySelector(".state-word"), spot.state);
  }
  const sum = spot.amount_minor === undefined ? "" : money(spot.amount_minor, spot.currency);
  put(tile.querySelector(".spot-amount"), sum);
  put(tile.querySelector(".spot-note"), spot.note || "");
  const age = tile.querySelector(".spot-age");
  if (spot.age_s === undefined) {
    delete age.dataset.age;
    put(age, "");
  } else {
    keepAge(age, spot.age_s, "#");
  }
  if (known.has(key) && known.get(key) !== spot.state) {
    news.push(spot.name + " is " + spot.state + (sum ? ", " + sum : ""));
  }
  known.set(key, spot.state);
}

// What is about all of it.

function drawHead(floor) {
  const count = floor.troubles.length;
  put(at("headline"), count === 0 ? "All is well" : count === 1 ? "One thing needs a look" : count + " things need a look");
  document.title = (count ? "(" + count + ") " : "") + "paysera-worker";
  const list = at("troubles");
  const texts = floor.troubles.map(String);
  if ([...list.children].map((item) => item.textContent).join("\n") !== texts.join("\n")) {
    list.replaceChildren(...texts.map((text) => {
      const item = make("li");
      item.append(glyph("parked"), make("span", "", text));
      return item;
    }));
  }
  const mode = at("mode");
  mode.hidden = false;
  mode.dataset.mode = floor.is_draining ? "draining" : floor.mode;
  put(mode, floor.mode + (floor.is_draining ? ", draining: no new visits" : ""));
  put(at("version"), "paysera-worker " + floor.version);
  put(at("as-of"), "As of " + clock(floor.at, true));
}

function drawTakings(floor) {
  const sums = new Map();
  let visits = 0;
  for (const where of floor.locations) {
    for (const taken of where.takings) {
      sums.set(taken.currency, (sums.get(taken.currency) || 0) + taken.amount_minor);
      visits += taken.visits;
    }
  }
  const lines = [...sums].map(([currency, minor]) => {
    const line = make("p", "figure", figures.format(minor / 100) + "\u00a0");
    line.append(make("span", "unit", currency));
    return line;
  });
  if (lines.length === 0) lines.push(make("p", "figure", "\u2013"));
  lines.push(make("p", "under", "taken today in " + visits + (visits === 1 ? " payment" : " payments")));
  if (floor.locations.length > 1) {
    for (const where of floor.locations) {
      for (const taken of where.takings) {
        lines.push(make("p", "under", where.name + "  " + money(taken.amount_minor, taken.currency)));
      }
    }
  }
  const box = at("takings");
  if (box.textContent !== lines.map((line) => line.textContent).join("")) box.replaceChildren(...lines);
}

function drawLast(floor) {
  const isMany = floor.locations.length > 1;
  const rows = floor.last.map((visit) => {
    const row = make("tr");
    row.dataset.end = visit.is_parked ? "parked" : visit.end;
    const how = make("span", "how");
    const mark = visit.is_parked ? "parked" : PAYING.has(visit.end) ? "paid" : "other";
    how.append(glyph(mark), make("span", "", visit.is_parked ? ENDS.parked : ENDS[visit.end] || visit.end));
    if (visit.reason) how.title = visit.reason;
    const cell = make("td");
    cell.append(how);
    const sum = make("td", "sum", visit.amount_minor === null ? "" : money(visit.amount_minor, visit.currency));
    if (!PAYING.has(visit.end)) sum.classList.add("quiet");
    const table = make("td", "", visit.table);
    if (isMany) table.append(make("span", "where", visit.location));
    row.append(
      make("td", "quiet", clock(visit.at, false)),
      table,
      cell,
      make("td", "wide quiet", lasting(visit.lasted_s)),
      make("td", "wide quiet", visit.visit),
      sum,
    );
    return row;
  });
  const body = at("last");
  if (body.textContent !== rows.map((row) => row.textContent).join("")) body.replaceChildren(...rows);
  at("last-none").hidden = rows.length > 0;
}

function drawPulse(floor) {
  const names = new Map(floor.locations.map((where) => ["spots-" + where.id, "Tables, " + where.name]));
  const list = at("pulse");
  while (list.children.length > floor.loops.length) list.lastChild.remove();
  floor.loops.forEach((loop, index) => {
    let item = list.children[index];
    if (!item) {
      item = make("li");
      item.append(make("span", "who"), make("span", "when"));
      list.append(item);
    }
    item.dataset.late = loop.is_late;
    put(item.firstChild, names.get(loop.name) || LOOPS[loop.name] || loop.name);
    keepAge(item.lastChild, loop.age_s, loop.is_late ? "stuck for #" : "# ago");
  });
  const pending = floor.notices.pending;
  const untold = at("untold");
  if (pending === 0) {
    delete untold.dataset.age;
    put(untold, "The till knows of every payment.");
  } else {
    const start = "The till does not know of " + pending + (pending === 1 ? " payment" : " payments");
    keepAge(untold, floor.notices.oldest_age_s, start + " yet, the oldest for #.");
  }
}

function draw(floor) {
  const news = [];
  drawnAt = performance.now();
  shownTime = clock(floor.at, true);
  const ids = new Set(floor.locations.map((where) => "place-" + where.id));
  for (const place of [...at("floor").children]) if (!ids.has(place.id)) place.remove();
  for (const where of floor.locations) drawPlace(where, news);
  drawHead(floor);
  drawTakings(floor);
  drawLast(floor);
  drawPulse(floor);
  if (news.length > 0) put(at("news"), news.slice(0, 6).join(". ") + ".");
  at("view").hidden = false;
}

// Contact.

function setContact(state, words) {
  document.body.dataset.contact = state;
  put(at("contact"), words);
}

function loseContact() {
  setContact("lost", "No contact");
  const box = at("lost");
  box.hidden = false;
  put(box, shownTime
    ? "The worker does not answer. What you see is from " + shownTime + ". This page keeps trying."
    : "The worker does not answer. This page keeps trying.");
  document.title = "No contact \u2013 paysera-worker";
}

function askToken(isWrong) {
  const gate = at("gate");
  at("view").hidden = true;
  at("lost").hidden = true;
  setContact("none", "Token needed");
  put(at("gate-wrong"), isWrong ? "That is not the token." : "");
  if (gate.hidden) {
    gate.hidden = false;
    at("token").focus();
  }
}

async function look() {
  clearTimeout(timer);
  const token = sessionStorage.getItem("token");
  try {
    const answer = await fetch("floor.json", {
      headers: token ? { Authorization: "Bearer " + token } : {},
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (answer.status === 401) {
      sessionStorage.removeItem("token");
      askToken(token !== null);
      return;  // Until somebody gives it.
    }
    if (!answer.ok) throw new Error("HTTP " + answer.status);
    const floor = await answer.json();
    heardAt = performance.now();
    at("gate").hidden = true;
    at("lost").hidden = true;
    setContact("good", "Live");
    draw(floor);
  } catch {
    if (heardAt === null || performance.now() - heardAt > LOST_AFTER_MS) loseContact();
  }
  timer = setTimeout(look, EVERY_MS);
}

at("gate").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("token", at("token").value);
  at("token").value = "";
  look();
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && at("gate").hidden) look();
});
setInterval(ageOn, 1000);
look();
