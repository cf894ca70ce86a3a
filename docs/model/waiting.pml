/* Waiting on a quorum: lines with fixed tickets, offers, give-back. docs/model/README.md.
 *
 * NW waiters want one name once each, on three nodes. The ticket is the waiter's number. Ballots are left
 * out (ballots.pml has them): a request is carried out at once or lost, and a waiter ends a round before the
 * next. The order of all steps is free. What is checked: nobody holds beside another; nobody waits for ever.
 *
 * LOSS, LAPSE, DOWN, CRASH: how many messages are lost, offers lapse though their waiter is about to take
 * them, nodes stop, clients die. TIMERS: a waiter thinks again where it heard that a node is held
 * (until then), or offered to somebody else; without, only messages wake it.
 */
#ifndef NW
#define NW 2
#endif
#ifndef LOSS
#define LOSS 0
#endif
#ifndef LAPSE
#define LAPSE 0
#endif
#ifndef DOWN
#define DOWN 0
#endif
#ifndef CRASH
#define CRASH 0
#endif
#ifndef Q
#define Q 2
#endif
#define NN 3
#define ALL 7
#define BIT(x) (1 << (x))
#define HAS(set,x) ((set) & BIT(x))
#define CNT(m) (((m) & 1) + (((m) >> 1) & 1) + (((m) >> 2) & 1))
#define NONE 7

/* nodes */
byte hold[NN] = NONE;       /* whose record is here */
byte line[NN];              /* who stands in line */
byte offered[NN];           /* to whom the name is offered */
byte lapsed[NN];            /* whose offer lapsed; out of the line at the next look */
byte second[NN] = NONE;     /* who was told when the offer ends */
byte up = ALL;

/* clients */
byte could[NW] = ALL;       /* nodes that may be free, by what it knows */
byte note[NW];              /* nodes whose "free now" is under way to it */
byte got[NW], no[NW], silent[NW];
bool busy[NW];              /* in a round, or holding: its records do not lapse */
bool dead[NW], done[NW];
byte loss = LOSS, lapses = LAPSE, downs = DOWN, crashes = CRASH;
bool has[NW];                /* holds */
byte h, k;                  /* scratch */

/* Who is first in line at node n: the lowest ticket. */
#ifdef OWNORDER             /* every node has an order of its own */
#define RANKED(n,j) (((j) + (n)) % NW)
#else
#define RANKED(n,j) (j)
#endif
#define FIRST(n) h = NONE; for (k : 0 .. NW-1) { if :: h == NONE && HAS(line[n], RANKED(n,k)) -> h = RANKED(n,k) :: else fi } k = 0

inline forget(n, w) { line[n] = line[n] & ~BIT(w); offered[n] = offered[n] & ~BIT(w); lapsed[n] = lapsed[n] & ~BIT(w) }

#ifdef KEEPDEAD             /* an offer that lapsed costs no place */
#define GONE(n,caller) false
#else
#define GONE(n,caller) (h != NONE && h != caller && HAS(lapsed[n], h))
#endif
#ifdef TWO                  /* the second in line is offered it as well */
#define OFFERALL(n,caller) if :: line[n] & ~BIT(h) -> for (k : 0 .. NW-1) { if :: k != h && HAS(line[n], k) -> \
   offered[n] = offered[n] | BIT(k); note[k] = note[k] | BIT(n) :: else fi } k = 0 :: else fi
#else
#define OFFERALL(n,caller) skip
#endif
/* The node is free: it offers itself to the first in line. */
inline offer(n, caller) {
  FIRST(n);
  do :: GONE(n,caller) -> forget(n, h); FIRST(n) :: else -> break od;
  if
  :: h != NONE && !HAS(offered[n], h) ->
     offered[n] = offered[n] | BIT(h); lapsed[n] = lapsed[n] & ~BIT(h);
     if :: h != caller -> note[h] = note[h] | BIT(n) :: else fi;
     OFFERALL(n,caller);
     second[n] = NONE;
     for (k : 0 .. NW-1) { if :: second[n] == NONE && RANKED(n,k) != h && HAS(line[n], RANKED(n,k)) -> second[n] = RANKED(n,k) :: else fi }
     k = 0
  :: else
  fi; h = 0
}
inline offer_if_free(n) { if :: hold[n] == NONE && line[n] -> offer(n, NONE) :: else fi }

#ifdef ANYBODY              /* whoever comes first gets a node that is free */
#define INVITED(n,w) true
#else
#ifdef OFFEREDTOO           /* whoever was offered it comes in, even if somebody with a lower ticket came since */
#define INVITED(n,w) (h == w || HAS(offered[n], w))
#else
#define INVITED(n,w) (h == w)
#endif
#endif
#ifdef STALEOFFER           /* an offer stands on when somebody else got the node */
#define MOOT(n) skip
#else
#define MOOT(n) offered[n] = 0; lapsed[n] = 0
#endif
inline grant(n, w) { forget(n, w); hold[n] = w; MOOT(n); second[n] = NONE; got[w] = got[w] | BIT(n) }

/* One node's answer to a request. */
inline asks(n, w) {
  if
  :: hold[n] == w -> got[w] = got[w] | BIT(n)
  :: hold[n] != NONE && hold[n] != w -> line[n] = line[n] | BIT(w); no[w] = no[w] | BIT(n)
  :: hold[n] == NONE && line[n] == 0 -> grant(n, w)
  :: hold[n] == NONE && line[n] != 0 ->
     line[n] = line[n] | BIT(w);
     offer(n, w);
     FIRST(n);
     if :: INVITED(n,w) -> grant(n, w) :: else -> no[w] = no[w] | BIT(n) fi
  fi; h = 0
}
/* stand: back into the line, at its ticket. */
inline gives_back(n, w, stand) {
  if
  :: hold[n] == w -> hold[n] = NONE; forget(n, w);
     if :: stand -> line[n] = line[n] | BIT(w) :: else fi
  :: hold[n] != w && !stand -> forget(n, w)
  :: else
  fi;
  offer_if_free(n)
}

#define ALONE(w) for (k : 0 .. NW-1) { assert(k == w || !has[k] || dead[k]) } k = 0

#ifdef NOSTAND
#define STAND false
#else
#define STAND true
#endif

/* A request to node n: carried out; or lost, it or its answer. */
#define REQUEST(n,w) \
  :: d_step { !HAS(got[w] | no[w] | silent[w], n) && HAS(up, n) -> asks(n, w) } \
  :: d_step { !HAS(got[w] | no[w] | silent[w], n) && (!HAS(up, n) || loss) -> \
       if :: HAS(up, n) -> loss-- :: else fi; silent[w] = silent[w] | BIT(n) } \
  :: d_step { !HAS(got[w] | no[w] | silent[w], n) && HAS(up, n) && loss -> loss--; asks(n, w); \
       got[w] = got[w] & ~BIT(n); no[w] = no[w] & ~BIT(n); silent[w] = silent[w] | BIT(n) }
/* Taking back at node n. */
#define BACK(n,w,stand) \
  :: d_step { HAS(got[w] | silent[w], n) && HAS(up, n) -> gives_back(n, w, stand); \
       got[w] = got[w] & ~BIT(n); silent[w] = silent[w] & ~BIT(n) } \
  :: d_step { HAS(got[w] | silent[w], n) && (!HAS(up, n) || loss) -> if :: HAS(up, n) -> loss-- :: else fi; \
       got[w] = got[w] & ~BIT(n); silent[w] = silent[w] & ~BIT(n) }

active [NW] proctype waiter() {
  byte w = _pid;
  {
    do
    :: busy[w] ->               /* a round */
       do
       REQUEST(0,w) REQUEST(1,w) REQUEST(2,w)
       :: CNT(got[w]) >= Q -> goto holds
       :: (got[w] | no[w] | silent[w]) == ALL && CNT(got[w]) < Q -> break
       od;
       if
       :: CNT(silent[w]) >= Q ->  /* too few answer: it leaves everywhere, and comes again */
          d_step { got[w] = ALL; no[w] = 0; silent[w] = 0 };
          do BACK(0,w,false) BACK(1,w,false) BACK(2,w,false) :: !got[w] -> break od;
          atomic { could[w] = ALL; busy[w] = false }
       :: else ->                 /* others have it: gives back, stays in line */
#ifdef NOROLLBACK
          d_step { could[w] = 0; no[w] = 0; silent[w] = 0; got[w] = 0 }
#else
          d_step { could[w] = 0; no[w] = 0 };
          do BACK(0,w,STAND) BACK(1,w,STAND) BACK(2,w,STAND) :: !got[w] && !silent[w] -> break od;
          busy[w] = false
#endif
       fi
    :: d_step { !busy[w] && note[w] -> could[w] = could[w] | note[w]; note[w] = 0 }
    :: d_step { !busy[w] && note[w] && loss -> loss--; note[w] = 0 }
#ifdef TIMERS
    :: d_step { !busy[w] && !HAS(could[w], 0) -> could[w] = could[w] | 1 }
    :: d_step { !busy[w] && !HAS(could[w], 1) -> could[w] = could[w] | 2 }
    :: d_step { !busy[w] && !HAS(could[w], 2) -> could[w] = could[w] | 4 }
#endif
    :: d_step { !busy[w] && CNT(could[w]) >= Q -> busy[w] = true }
    od;
  holds:
    atomic { has[w] = true; ALONE(w); note[w] = 0 };
    do
    REQUEST(0,w) REQUEST(1,w) REQUEST(2,w)
    :: d_step { has[w] = false; got[w] = ALL; no[w] = 0; silent[w] = 0 } -> break
    od;
    do BACK(0,w,false) BACK(1,w,false) BACK(2,w,false) :: !got[w] -> break od;
    atomic { busy[w] = false; done[w] = true; could[w] = 0; note[w] = 0 }
  } unless { dead[w] -> d_step { got[w] = 0; no[w] = 0; silent[w] = 0; could[w] = 0; note[w] = 0; busy[w] = false; has[w] = false } }
}

/* It will not take the offer: dead, or knows of too few free nodes, and nothing is under way to it. A claim is
 * longer than a round: while somebody is in one, no offer lapses (-DSHORTCLAIM: it may). */
#ifdef SHORTCLAIM
#define CALM true
#elif NW > 2
#define CALM ((!busy[0] || has[0]) && (!busy[1] || has[1]) && (!busy[2] || has[2]))
#else
#define CALM ((!busy[0] || has[0]) && (!busy[1] || has[1]))
#endif
#define IDLE(w) (CALM && (done[w] || dead[w] || (!busy[w] && !note[w] && CNT(could[w]) < Q)))
#define LAPSES(n,w) \
  :: d_step { w < NW && HAS(offered[n], w) && (IDLE(w) || lapses) -> \
       if :: IDLE(w) :: else -> lapses-- fi; \
       offered[n] = offered[n] & ~BIT(w); lapsed[n] = lapsed[n] | BIT(w); \
       if :: second[n] != NONE && !offered[n] && hold[n] == NONE && !done[second[n]] && !dead[second[n]] -> \
            note[second[n]] = note[second[n]] | BIT(n) :: else fi; second[n] = NONE }

/* Time at one node. */
active [NN] proctype clock() {
  byte n = _pid - NW;
end:
  do
  :: d_step { hold[n] != NONE && !busy[hold[n]] -> hold[n] = NONE }     /* a record that nobody wants any more */
  LAPSES(n,0) LAPSES(n,1)
#if NW > 2
  LAPSES(n,2)
#endif
  od
}

#if DOWN || CRASH
active proctype faults() {
end:
  do
  :: d_step { downs && up == ALL -> downs--; up = ALL & ~1 }
  :: d_step { downs && up == ALL -> downs--; up = ALL & ~2 }
  :: d_step { downs && up == ALL -> downs--; up = ALL & ~4 }
  :: d_step { crashes && !done[0] && !dead[0] -> crashes--; dead[0] = true }
  :: d_step { crashes && !done[1] && !dead[1] -> crashes--; dead[1] = true }
#if NW > 2
  :: d_step { crashes && !done[2] && !dead[2] -> crashes--; dead[2] = true }
#endif
  od
}
#endif
