/* Safety of the quorum: ballots as fencing tokens, repair, release, amnesia. docs/model/README.md.
 *
 * One name, three nodes. Nothing here knows time: a request that was sent may arrive at any later moment,
 * any number of times or never, in any order; a reply may be acted on at any later moment; a record may
 * lapse at any moment. What a node does with a request is one step.
 *
 * Why no messages are stored: whatever was sent once may be delivered for ever after, so "was sent" follows
 * from the client's phase; and a client that may act on a reply late or never needs no reply queue.
 */
#ifndef NA
#define NA 2        /* acquisitions */
#endif
#ifndef TOP
#define TOP 3       /* ballots 1..TOP */
#endif
#ifndef Q
#define Q 2         /* votes that make a majority */
#endif
#ifndef SHARED
#define SHARED 0    /* bit a: acquisition a is shared */
#endif
#ifndef FORGETS
#define FORGETS 0   /* how many times a node loses its memory */
#endif
#define NN 3
#define ALL 7
#define BIT(n) (1 << (n))
#define AT(a,n) ((a) * NN + (n))
#define CNT(m) (((m) & 1) + (((m) >> 1) & 1) + (((m) >> 2) & 1))
#define MAX(x,y) ((x) > (y) -> (x) : (y))
#define X(a) (!(SHARED & BIT(a)))
/* The owner never goes on with a larger ballot. */
#ifdef ONESHOT
#define RAISES false
#else
#define RAISES true
#endif

/* nodes */
byte rec[NA * NN];              /* ballot of a's record at n, 0: none */
byte sub[NA * NN];              /* the mark before that grant */
byte b[NN];                     /* highest ballot granted or told of */
byte mark[NN];                  /* highest granted that is not known to have failed; 0: not known */
#if SHARED
byte subx[NA * NN], markx[NN];  /* the same of exclusive grants */
byte seen[NA * NN];             /* b from before, as the vote for a reader said it */
#endif
#if FORGETS
byte forgot, quarantined;
byte begun[NA];                 /* bit n: what is under way (acquisition, renewal) began after n forgot */
byte proof[NA];                 /* bit n: the last success began after n forgot */
byte rbegun[NA];
#endif

/* clients */
#define IDLE 0
#define ASKS 1
#define HOLDS 2
#define FAILED 3      /* gave up: release(failed) is under way */
#define RELEASED 4    /* release of the tenure is under way */
#define LOST 5        /* its lease is over, nothing is sent any more */
byte phase[NA], t[NA];
byte older[NA];                 /* its ballot before that one, 0: none; requests with it are still under way */
byte back[NA];                  /* 1: the votes for the older one were given back: release(failed) under way */
byte wb[NA];                    /* 1: a reader that writes t back */
byte votes[NA];                 /* nodes that granted t */
byte floor_[NA];                /* largest token that had succeeded before it began */
byte renewing[NA], rvotes[NA], rfloor[NA], rsent[NA];
byte lease[NA];                 /* nodes whose record the present lease counts on */
byte done, donex, used;         /* largest token so far, of exclusive ones, all of them as bits */
byte n, i;                      /* scratch, 0 between steps */

/* The three nodes are alike: of states that differ by which node is which, one is kept (the nodes sorted). */
c_code {
  static void canon(void) {
    unsigned char k[3][32], *x, *y, *z, *w;
    int n, a, o;
    memset(k, 0, sizeof k);
    for (n = 0; n < 3; n++) {
      o = 0;
      k[n][o++] = now.b[n]; k[n][o++] = now.mark[n];
      for (a = 0; a < NA; a++) {
        k[n][o++] = now.rec[a*3+n]; k[n][o++] = now.sub[a*3+n];
        k[n][o++] = now.votes[a] >> n & 1 | (now.rvotes[a] >> n & 1) << 1 | (now.lease[a] >> n & 1) << 2
#if FORGETS
          | (now.begun[a] >> n & 1) << 3 | (now.proof[a] >> n & 1) << 4 | (now.rbegun[a] >> n & 1) << 5
          | (now.quarantined >> n & 1) << 6
#endif
          ;
#if SHARED
        k[n][o++] = now.subx[a*3+n]; k[n][o++] = now.seen[a*3+n];
#endif
#ifdef GHOST
        k[n][o++] = now.over[a*3+n];
#endif
      }
#if SHARED
      k[n][o++] = now.markx[n];
#endif
    }
    x = k[0]; y = k[1]; z = k[2];
    if (memcmp(x, y, 32) <= 0 && memcmp(y, z, 32) <= 0) return;
    if (memcmp(x, y, 32) > 0) { w = x; x = y; y = w; }
    if (memcmp(y, z, 32) > 0) { w = y; y = z; z = w; }
    if (memcmp(x, y, 32) > 0) { w = x; x = y; y = w; }
    for (a = 0; a < NA; a++) {
      now.votes[a] = now.rvotes[a] = now.lease[a] = 0;
#if FORGETS
      now.begun[a] = now.proof[a] = now.rbegun[a] = 0;
#endif
    }
#if FORGETS
    now.quarantined = 0;
#endif
    for (n = 0; n < 3; n++) {
      w = n == 0 ? x : n == 1 ? y : z;
      now.b[n] = *w++; now.mark[n] = *w++;
      for (a = 0; a < NA; a++) {
        now.rec[a*3+n] = *w++; now.sub[a*3+n] = *w++;
        o = *w++;
        now.votes[a] |= (o & 1) << n; now.rvotes[a] |= (o >> 1 & 1) << n; now.lease[a] |= (o >> 2 & 1) << n;
#if FORGETS
        now.begun[a] |= (o >> 3 & 1) << n; now.proof[a] |= (o >> 4 & 1) << n; now.rbegun[a] |= (o >> 5 & 1) << n;
        if (a == 0) now.quarantined |= (o >> 6 & 1) << n;
#endif
#if SHARED
        now.subx[a*3+n] = *w++; now.seen[a*3+n] = *w++;
#endif
#ifdef GHOST
        now.over[a*3+n] = *w++;
#endif
      }
#if SHARED
      now.markx[n] = *w++;
#endif
    }
  }
}
/* The replay of a trail says what happened (compile with NOSYMMETRY, that nodes keep their numbers). */
#define SAY(what,a,n) c_code { if (readtrail) printf("%s a%d n%d: t %d, rec %d b %d mark %d\n", what, a, n, \
  now.t[a%9], now.rec[(a%9)*3+n], now.b[n], now.mark[n]); }
#ifdef NOSYMMETRY
#define DONE(what,a,n) SAY(what,a,n)
#else
#define DONE(what,a,n) SAY(what,a,n); c_code { canon(); }
#endif

#if NA == 2
#define EACH_A(M) M(0) M(1)
#define EACH(M) M(0,0) M(0,1) M(0,2) M(1,0) M(1,1) M(1,2)
#define FREE(a,n) (((a) == 0 || !rec[AT(0,n)] || BOTH(a,0)) && ((a) == 1 || !rec[AT(1,n)] || BOTH(a,1)))
#else
#define EACH_A(M) M(0) M(1) M(2)
#define EACH(M) M(0,0) M(0,1) M(0,2) M(1,0) M(1,1) M(1,2) M(2,0) M(2,1) M(2,2)
#define FREE(a,n) (((a) == 0 || !rec[AT(0,n)] || BOTH(a,0)) && ((a) == 1 || !rec[AT(1,n)] || BOTH(a,1)) && \
                   ((a) == 2 || !rec[AT(2,n)] || BOTH(a,2)))
#endif
#define BOTH(a,c) (!X(a) && !X(c))
#define EACH_N(M) M(0) M(1) M(2)
#if FORGETS
#define AWAKE(n) (!(quarantined & BIT(n)))
#else
#define AWAKE(n) true
#endif

/* Is this ballot enough? Exclusive: above all that was granted. Shared: soft. */
#ifdef NOTSTRICT
#define ENOUGH(a,n,x) ((x) >= b[n])
#elif defined(NOCHECK)
#define ENOUGH(a,n,x) true
#elif SHARED && defined(SOFT)
#define ENOUGH(a,n,x) ((x) > b[n] || !X(a))
#elif SHARED
#define ENOUGH(a,n,x) ((x) > b[n] || (!X(a) && (x) > markx[n]))
#else
#define ENOUGH(a,n,x) ((x) > b[n])
#endif

#if SHARED
#define SUBX(a,n) if :: !rec[AT(a,n)] || markx[n] != rec[AT(a,n)] -> subx[AT(a,n)] = markx[n] :: else fi
#define RAISEX(a,n,x) if :: X(a) -> markx[n] = MAX(markx[n], x) :: else fi
#define LOWERX(a,n) if :: X(a) && markx[n] == rec[AT(a,n)] -> markx[n] = subx[AT(a,n)] :: else fi
#define CLEARX(a,n) subx[AT(a,n)] = 0
#else
#define SUBX(a,n) skip
#define RAISEX(a,n,x) skip
#define LOWERX(a,n) skip
#define CLEARX(a,n) skip
#endif
#ifdef STALESUB     /* a raise keeps the mark from before the first grant */
#define SUBS(a,n) if :: !rec[AT(a,n)] -> sub[AT(a,n)] = mark[n] :: else fi; SUBX(a,n)
#else
#define SUBS(a,n) if :: !rec[AT(a,n)] || mark[n] != rec[AT(a,n)] -> sub[AT(a,n)] = mark[n] :: else fi; SUBX(a,n)
#endif

#define ERASE(a,n) rec[AT(a,n)] = 0; sub[AT(a,n)] = 0; CLEARX(a,n)

/* Node n grants ballot x to a. */
#ifdef NOMARK
#define RAISE(a,n,x) skip
#else
#define RAISE(a,n,x) mark[n] = MAX(mark[n], x); RAISEX(a,n,x)
#endif
#define GRANT(a,n,x) SUBS(a,n); rec[AT(a,n)] = x; b[n] = MAX(b[n], x); RAISE(a,n,x)

#ifdef OLDVOTES     /* votes of an older ballot count */
#define COUNTS(a,x) true
#else
#define COUNTS(a,x) ((x) == t[a] && !wb[a])
#endif
#if SHARED
#define SEEN(a,n) if :: !X(a) -> seen[AT(a,n)] = b[n] :: else fi
#else
#define SEEN(a,n) skip
#endif
#define VOTE(a,n,x) if :: phase[a] == ASKS && COUNTS(a,x) && !(votes[a] & BIT(n)) -> votes[a] = votes[a] | BIT(n); SEEN(a,n) :: else fi

/* Where the release of a ballot was carried out, nothing older of that owner is taken up. */
#ifdef GHOST
byte over[NA * NN];
#define NO_GHOST(a,n,x) assert((x) > over[AT(a,n)])
#define OVER(a,n,x) over[AT(a,n)] = MAX(over[AT(a,n)], x)
#else
#define NO_GHOST(a,n,x) skip
#define OVER(a,n,x) skip
#endif

/* A request acquire(a, x) arrives. */
#define ASK_(a,n,x) (AWAKE(n) && (x) > rec[AT(a,n)] && FREE(a,n) && ENOUGH(a,n,x)) -> \
      NO_GHOST(a,n,x); VOTE(a,n,x); GRANT(a,n,x)
#define ASK(a,n) \
   :: d_step { (phase[a] != IDLE && !wb[a] && t[a] > rec[AT(a,n)]) && ASK_(a,n,t[a]); DONE("ASK",a,n) }
#define ASK_OLD(a,n) \
   :: d_step { (older[a] > rec[AT(a,n)]) && ASK_(a,n,older[a]); DONE("ASK_OLD",a,n) }

/* A reader's final ballot arrives: only where it is held, and only if it is above all else. */
#ifdef SOFTBACK
#define ABOVE(a,n) true
#else
#define ABOVE(a,n) (t[a] > b[n])
#endif
#define BACK(a,n) \
   :: d_step { (wb[a] && phase[a] != IDLE && AWAKE(n) && rec[AT(a,n)] && rec[AT(a,n)] < t[a] && ABOVE(a,n)) -> \
      GRANT(a,n,t[a]); \
      if :: phase[a] == ASKS -> votes[a] = votes[a] | BIT(n) :: else fi; DONE("BACK",a,n) }

/* release(x, failed) arrives. */
#ifdef NOTOMB
#define TOMB(n,x) skip
#else
#define TOMB(n,x) b[n] = MAX(b[n], x + 1)
#endif
#ifdef BLINDBACK    /* marks put back whatever they are */
#define LOWER(a,n) mark[n] = sub[AT(a,n)]; LOWERX(a,n)
#elif defined(KEEPMARKS)
#define LOWER(a,n) skip
#else
#define LOWER(a,n) if :: mark[n] == rec[AT(a,n)] -> mark[n] = sub[AT(a,n)] :: else fi; LOWERX(a,n)
#endif
#ifdef ANYBALLOT    /* it acts on whatever record the owner has */
#define UPTO(a,n,x) true
#else
#define UPTO(a,n,x) (rec[AT(a,n)] <= (x))
#endif
#define FAIL_(a,n,x) \
      if :: rec[AT(a,n)] && UPTO(a,n,x) -> LOWER(a,n); ERASE(a,n); OVER(a,n,x); TOMB(n,x); FORGETB(n) \
         :: !rec[AT(a,n)] -> OVER(a,n,x); TOMB(n,x) :: else fi
#define FAIL(a,n) \
   :: d_step { (phase[a] == FAILED) && AWAKE(n) && (rec[AT(a,n)] || b[n] <= t[a]) -> FAIL_(a,n,t[a]); DONE("FAIL",a,n) }
#define FAIL_OLD(a,n) \
   :: d_step { (older[a] && back[a] && AWAKE(n) && (rec[AT(a,n)] || b[n] <= older[a])) -> FAIL_(a,n,older[a]); DONE("FAIL_OLD",a,n) }

/* The release of a tenure arrives. */
#ifdef DELBALLOT
#define FORGETB(n) b[n] = 0
#else
#define FORGETB(n) skip
#endif
#ifdef FAILALWAYS   /* a release after success says failed */
#define END(a,n) \
   :: d_step { (phase[a] == RELEASED && AWAKE(n) && (rec[AT(a,n)] || b[n] <= t[a])) -> FAIL_(a,n,t[a]); DONE("END",a,n) }
#else
#ifdef NOENDMARK
#define ENDMARK(a,n) skip
#elif SHARED
#define ENDMARK(a,n) mark[n] = MAX(mark[n], t[a] + 1); RAISEX(a,n,t[a]+1)
#else
#define ENDMARK(a,n) mark[n] = MAX(mark[n], t[a] + 1)
#endif
#define END(a,n) \
   :: d_step { (phase[a] == RELEASED && AWAKE(n) && (rec[AT(a,n)] || b[n] <= t[a] || mark[n] <= t[a])) -> \
      ERASE(a,n); OVER(a,n,t[a]); b[n] = MAX(b[n], t[a] + 1); ENDMARK(a,n); FORGETB(n); DONE("END",a,n) }
#endif

/* A record lapses. */
#ifdef LEASES       /* not while its holder may count on it */
#define MAY_LAPSE(a,n) ((phase[a] != HOLDS || !(lease[a] & BIT(n))) && (phase[a] != ASKS || !(votes[a] & BIT(n))) && \
                        (!renewing[a] || !(rvotes[a] & BIT(n))))
#else
#define MAY_LAPSE(a,n) true
#endif
#define LAPSE(a,n) \
   :: d_step { (rec[AT(a,n)] && MAY_LAPSE(a,n)) -> ERASE(a,n); DONE("LAPSE",a,n) }

/* A renewal arrives; it may be an old one, and the holder gone. */
#if SHARED
#define GUARD(a,n) (X(a) -> mark[n] : markx[n])
#elif defined(GUARDB)
#define GUARD(a,n) b[n]
#else
#define GUARD(a,n) mark[n]
#endif
#ifdef NOGUARD
#define MAY_REPAIR(a,n) FREE(a,n)
#else
#define MAY_REPAIR(a,n) (FREE(a,n) && t[a] >= GUARD(a,n))
#endif
#ifdef COUNTBLIND
#define SIGHTED(a,n) true
#elif FORGETS
#define SIGHTED(a,n) (GUARD(a,n) > 0)
#else
#define SIGHTED(a,n) true
#endif
#define RVOTE(a,n) if :: renewing[a] -> rvotes[a] = rvotes[a] | BIT(n) :: else fi
#ifdef OLDRECORD    /* a record of an older ballot is prolonged as it is */
#define LIFT(a,n) skip
#define OLD(a,n) false
#else
#define LIFT(a,n) if :: rec[AT(a,n)] < t[a] -> GRANT(a,n,t[a]) :: else fi
#define OLD(a,n) (rec[AT(a,n)] < t[a])
#endif
#define RENEW(a,n) \
   :: d_step { (rsent[a] && AWAKE(n) && rec[AT(a,n)] && (OLD(a,n) || renewing[a] && !(rvotes[a] & BIT(n)))) -> LIFT(a,n); RVOTE(a,n); DONE("RENEW",a,n) } \
   :: d_step { (rsent[a] && AWAKE(n) && !rec[AT(a,n)] && MAY_REPAIR(a,n)) -> \
      NO_GHOST(a,n,t[a]); \
      if :: SIGHTED(a,n) -> RVOTE(a,n) :: else fi; GRANT(a,n,t[a]); DONE("RENEW",a,n) }

/* A node forgets everything; it comes back with a floor above all it can have granted. */
#if FORGETS
#ifdef NOFLOOR
#define FLOOR(n) b[n] = 0
#else
#define FLOOR(n) skip
#endif
#if SHARED
#define FORGETX(n) markx[n] = 0
#else
#define FORGETX(n) skip
#endif
#ifdef NOQUARANTINE
#define SLEEP(n) skip
#else
#define SLEEP(n) quarantined = quarantined | BIT(n)
#endif
#define FORGET(n_) \
   :: d_step { (forgot < FORGETS && b[n_] && AWAKE(n_)) -> forgot++; \
      for (i : 0 .. NA-1) { ERASE(i,n_); proof[i] = proof[i] & ~BIT(n_); begun[i] = begun[i] & ~BIT(n_); \
        rbegun[i] = rbegun[i] & ~BIT(n_) } \
      i = 0; mark[n_] = 0; FORGETX(n_); FLOOR(n_); SLEEP(n_); DONE("FORGET",9,n_) }
/* The quarantine is at least as long as a lease: nothing that began before it is still under way, and who
 * still holds has succeeded with something that began since. */
#define WAKE(n_) \
   :: d_step { (quarantined & BIT(n_)) -> quarantined = quarantined & ~BIT(n_); \
      for (i : 0 .. NA-1) { \
        if :: phase[i] == ASKS && !(begun[i] & BIT(n_)) -> phase[i] = FAILED; votes[i] = 0; floor_[i] = 0 \
           :: phase[i] == HOLDS && !(proof[i] & BIT(n_)) -> LOSE(i,LOST) :: else fi } i = 0; DONE("WAKE",9,n_) }
#define BEGIN(a) begun[a] = ALL
#define RBEGIN(a) rbegun[a] = ALL
#define PROVE(a) proof[a] = begun[a]
#define RPROVE(a) proof[a] = rbegun[a]
#define NOBEGIN(a) begun[a] = 0; rbegun[a] = 0
#else
#define FORGET(n)
#define WAKE(n)
#define BEGIN(a) skip
#define RBEGIN(a) skip
#define PROVE(a) skip
#define RPROVE(a) skip
#define NOBEGIN(a) skip
#endif

/* Clients. */
#ifdef LEASES
#define OTHERHOLDS(a,c) (c != a && phase[c] == HOLDS && !BOTH(a,c))
#define EXCLUSION(a) for (i : 0 .. NA-1) { assert(!OTHERHOLDS(a,i)) } i = 0
#define COUNTON(a,m) lease[a] = m
#else
#define EXCLUSION(a) skip
#define COUNTON(a,m) skip
#endif

/* FIX: acquisition a begins with ballot a+1. Else those that are alike start in order. */
#ifdef FIX
#define FIRST_BALLOT(a,x) (x == a + 1)
#else
#define FIRST_BALLOT(a,x) true
#endif
#if SHARED || defined(FIX)
#define NEXT(a) true
#else
#define NEXT(a) (a == 0 || phase[(a == 0 -> 0 : a-1)] != IDLE)
#endif
#define START_(a,x) :: d_step { (phase[a] == IDLE && x <= TOP && FIRST_BALLOT(a,x) && NEXT(a)) -> phase[a] = ASKS; t[a] = x; floor_[a] = done; BEGIN(a); DONE("START",a,x) }
#define START(a) START_(a,1) START_(a,2) START_(a,3) START_(a,4) START_(a,5)

/* The same owner with a larger ballot: after a refusal as stale, or after it gave its votes back. */
#ifdef SAMEAGAIN    /* after giving back it asks with the ballot that failed */
#define MORE(x,y) ((x) >= (y))
#else
#define MORE(x,y) ((x) > (y))
#endif
#ifdef OLDVOTES
#define DROPVOTES(a) skip
#else
#define DROPVOTES(a) votes[a] = 0
#endif
#define RAISE_(a,x,g) :: d_step { (RAISES && phase[a] == ASKS && !wb[a] && !older[a] && x <= TOP && MORE(x, t[a])) -> \
      older[a] = t[a]; t[a] = x; back[a] = g; DROPVOTES(a); DONE("RAISE",a,x) }
#define UP(a) RAISE_(a,2,0) RAISE_(a,3,0) RAISE_(a,4,0) RAISE_(a,5,0) \
              RAISE_(a,1,1) RAISE_(a,2,1) RAISE_(a,3,1) RAISE_(a,4,1) RAISE_(a,5,1)

#if SHARED
#define TOKENX(a) if :: X(a) -> donex = MAX(donex, t[a]) :: else fi
#else
#define TOKENX(a) skip
#endif
#define SUCCESS(a) \
      assert(t[a] > floor_[a]);         /* T2: larger than all that had succeeded before it began */ \
      assert(!(used & BIT(t[a])));      /* T1: nobody else's */ \
      EXCLUSION(a); used = used | BIT(t[a]); phase[a] = HOLDS; \
      done = MAX(done, t[a]); TOKENX(a); COUNTON(a, votes[a]); PROVE(a); votes[a] = 0; floor_[a] = 0

#define WIN(a) :: d_step { (phase[a] == ASKS && CNT(votes[a]) >= Q && (X(a) || wb[a])) -> SUCCESS(a); DONE("WIN",a,0) }
#if SHARED
#define UNSEEN(a) seen[AT(a,0)] = 0; seen[AT(a,1)] = 0; seen[AT(a,2)] = 0
#define S(a,n) seen[AT(a,n)]
#ifdef NOBACK
#define GOOD(a,i,j) true
#else
#define GOOD(a,i,j) (t[a] > S(a,i) && t[a] > S(a,j))
#endif
/* A reader with the votes of i and j: done if its ballot is above all they had, else it writes back a larger one. */
#define READ_(a,i,j) \
   :: d_step { (phase[a] == ASKS && !X(a) && !wb[a] && (votes[a] & BIT(i)) && (votes[a] & BIT(j)) && GOOD(a,i,j)) -> \
      UNSEEN(a); SUCCESS(a); DONE("READ",a,i) } \
   :: d_step { (phase[a] == ASKS && !X(a) && !wb[a] && !older[a] && (votes[a] & BIT(i)) && (votes[a] & BIT(j)) && !GOOD(a,i,j) && \
        MAX(S(a,i), S(a,j)) < TOP) -> \
      older[a] = t[a]; t[a] = MAX(S(a,i), S(a,j)) + 1; wb[a] = 1; votes[a] = 0; UNSEEN(a); DONE("READ",a,i) }
#define READ(a) READ_(a,0,1) READ_(a,0,2) READ_(a,1,2)
#else
#define READ(a)
#define UNSEEN(a) skip
#endif

#define GIVEUP(a) :: d_step { (phase[a] == ASKS) -> phase[a] = FAILED; votes[a] = 0; floor_[a] = 0; UNSEEN(a); NOBEGIN(a); DONE("GIVEUP",a,0) }
#define LOSE(a,as) phase[a] = as; renewing[a] = 0; rvotes[a] = 0; rfloor[a] = 0; lease[a] = 0; NOBEGIN(a)
#define STOP(a) \
   :: d_step { (phase[a] == HOLDS) -> LOSE(a,RELEASED); DONE("STOP",a,0) } \
   :: d_step { (phase[a] == HOLDS) -> LOSE(a,LOST); DONE("STOP",a,0) }

#if SHARED
#define LARGEST(a) (X(a) -> done : donex)
#else
#define LARGEST(a) done
#endif
#ifdef NORENEW
#define RENEWS false
#else
#define RENEWS true
#endif
#define RSTART(a) :: d_step { (RENEWS && phase[a] == HOLDS && (!renewing[a] || rvotes[a] || rfloor[a] != LARGEST(a))) -> \
      renewing[a] = 1; rsent[a] = 1; rvotes[a] = 0; rfloor[a] = LARGEST(a); RBEGIN(a); DONE("RSTART",a,0) }
#define RDONE(a) :: d_step { (renewing[a] && CNT(rvotes[a]) >= Q) -> \
      assert(rfloor[a] <= t[a]);        /* T4: nothing larger had succeeded before it began */ \
      COUNTON(a, rvotes[a]); RPROVE(a); renewing[a] = 0; rvotes[a] = 0; rfloor[a] = 0; DONE("RDONE",a,0) }

active proctype world() {
  do
  EACH(ASK) EACH(ASK_OLD)
#if SHARED
  EACH(BACK)
#endif
  EACH(FAIL) EACH(FAIL_OLD) EACH(END) EACH(LAPSE) EACH(RENEW)
  EACH_N(FORGET)
#if FORGETS
  EACH_N(WAKE)
#endif
  EACH_A(START) EACH_A(UP) EACH_A(WIN) EACH_A(READ) EACH_A(GIVEUP) EACH_A(STOP) EACH_A(RSTART) EACH_A(RDONE)
  od
}
