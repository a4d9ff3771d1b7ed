#!/usr/bin/env bash
# tests/examples/movielens.sh : build/examples/movielens, hello and evaluate, what they print and how they fail.
#
# Made-up folders in both of MovieLens' formats always; the real sets where they are: DATA_ML1M, DATA_SMALL, or ../shared/data.
# Prints "ok NAME", "not ok NAME", "skip NAME: why"; exit code 1 when anything is not ok.
set -uo pipefail
cd "$(dirname "$0")/../.."
program=${MOVIELENS:-build/examples/movielens} hello=${HELLO:-build/examples/hello}
shared=../shared/data
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# check NAME COMMAND... : one test.
check() {
    local name=$1
    shift
    if "$@"; then
        echo "ok $name"
    else
        echo "not ok $name"
        failed=1
    fi
}
# The rest of the one line in $out that begins with $1.
value() { [ "$(grep -c "^$1" "$out")" = 1 ] && sed -n "s/^$1//p" "$out"; }
# Is it true of numbers? e.g. holds "0.62 <= 0.6321"
holds() { awk "BEGIN { exit !($1) }"; }
run() { # NAME ARGUMENTS... : into $out, and the status into $status
    out=$work/$1.txt
    shift
    "$program" "$@" >"$out" 2>"$work/error" </dev/null
    status=$?
}
matches() { value "$1" | grep -Eq "^$2\$"; }
valid_utf8() { iconv -f UTF-8 -t UTF-8 "$out" >/dev/null 2>&1; }
number='-?[0-9]+(\.[0-9]+)?'

well_formed() { # are all lines for scripts there, and nothing else wrong?
    [ "$status" = 0 ] && matches 'ratings: ' '[0-9]+' && matches 'preferences: ' "$number \.\. $number" && matches 'final loss: ' "$number" &&
        matches 'distance Star Wars - Empire: ' "$number" && matches 'distance Star Wars - American Beauty: ' "$number"
}
plain() { ! grep -q $'[\r\033]' "$out"; } # in a pipe: no bar, no escapes
fails_with() { # STATUS TEXT : nothing but a message
    [ "$status" = "$1" ] && grep -q -e "$2" "$work/error" && [ "$(wc -l <"$work/error")" = 1 ]
}

# ---- made-up data: 200 people with two tastes, 40 films, in both formats ----

mkdir "$work/csv" "$work/dat"
awk -v movies_csv="$work/csv/movies.csv" -v movies_dat="$work/dat/movies.dat" -v ratings_csv="$work/csv/ratings.csv" \
    -v ratings_dat="$work/dat/ratings.dat" 'BEGIN {
    srand(7)
    split("Star Wars: Episode IV - A New Hope (1977)|Star Wars: Episode V - The Empire Strikes Back (1980)|American Beauty (1999)|" \
          "Jurassic Park (1993)|Shakespeare in Love (1998)|Titanic (1997)", known, "|")
    for (i = 1; i <= 40; i++) {
        side[i] = i == 1 || i == 2 || i == 4 ? 1 : i <= 6 ? -1 : rand() < 0.5 ? 1 : -1
        good[i] = rand() - 0.5
        title = i <= 6 ? known[i] : i == 7 ? "Mis@rables, Les (1995)" : i == 8 ? "A \"Quoted\" Film, The (1990)" : "Film " i " (2000)"
        csv = title
        gsub(/"/, "\"\"", csv)
        if (csv ~ /[,"]/) csv = "\"" csv "\""
        printf "%d,%s,Action|Drama\r\n", i, csv >movies_csv
        printf "%d::%s::Action|Drama\n", i, title >movies_dat
    }
    for (u = 1; u <= 200; u++) {
        taste = (rand() < 0.5 ? 1 : -1) * (0.5 + rand())
        for (i = 1; i <= 40; i++) if (rand() < 0.6) {
            r = int(3.5 + good[i] + taste * side[i] + 1.2 * (rand() - 0.5) + 0.5)
            r = r < 1 ? 1 : r > 5 ? 5 : r
            printf "%d,%d,%d.0,%d\r\n", u, i, r, 1000000 + u >ratings_csv
            printf "%d::%d::%d::%d\n", u, i, r, 1000000 + u >ratings_dat
        }
    }
}'
sed -i "1i userId,movieId,rating,timestamp\r" "$work/csv/ratings.csv"
sed -i "1i movieId,title,genres\r; s/@/\xC3\xA9/" "$work/csv/movies.csv"
LC_ALL=C sed -i "s/@/\xE9/" "$work/dat/movies.dat"

run csv --data "$work/csv" --factors 4 --top 0 --holdout 0.1
check 'movielens prints every line for scripts' well_formed
check 'movielens --holdout prints the held-out error' matches 'held-out RMSE: ' "$number \(means only $number\)"
check 'movielens writes plain lines into a pipe' plain
check 'movielens writes UTF-8' valid_utf8
csv=$(grep -E '^[a-z]' "$out")
run dat --data "$work/dat" --factors 4 --top 0 --holdout 0.1
check 'movielens finds the same in both formats' [ "$csv" = "$(grep -E '^[a-z]' "$out")" ]
check 'movielens makes Latin-1 titles UTF-8' eval 'valid_utf8 && grep -q "Misérables, Les" "$out"'
run again --data "$work/csv" --factors=4 --top=0 --holdout=0.1
check 'movielens repeats itself to the letter' [ "$csv" = "$(grep -E '^[a-z]' "$out")" ]
run seed --data "$work/csv" --factors 4 --top 0 --seed 2
check 'movielens with another seed is another run' [ "$(value 'final loss: ')" != "$(echo "$csv" | sed -n 's/^final loss: //p')" ]
check 'movielens without --holdout prints no held-out error' eval '! grep -q "^held-out" "$out"'
run all --data "$work/csv" --factors 4 --top 0 --scope all --epochs 5 --batch 16 --mask 0.3 --loss-weight 0.5
check 'movielens takes all of its options' well_formed
run top --data "$work/csv" --top 10 --factors 3
check 'movielens --top keeps the most rated' eval '[ "$status" = 0 ] && [ "$(value "ratings: ")" -lt 2000 ] && [ "$(value "ratings: ")" -gt 800 ]'
run one --data "$work/csv/ratings.csv" --factors 4
check 'movielens reads one file without titles' eval '[ "$status" = 0 ] && matches "ratings: " "[0-9]+" && ! grep -q "^distance" "$out"'

# ---- wrong usage, wrong data ----

run none
check 'movielens without --data is wrong usage' fails_with 2 '--data FOLDER is missing'
run option --data "$work/csv" --frob 3
check 'movielens names an unknown option' fails_with 2 'frob: there is no such option'
run range --data "$work/csv" --mask 1.5
check 'movielens names a value out of range' fails_with 2 'mask 1.5: must be a number from 0 to 1'
run whole --data "$work/csv" --epochs 2.5
check 'movielens wants whole epochs' fails_with 2 'epochs 2.5: must be a whole number'
run factors --data "$work/csv" --factors 41
check 'movielens refuses more factors than films' fails_with 2 'there are only 40 films'
run nowhere --data "$work/nowhere"
check 'movielens says what it expects of a missing folder' fails_with 1 'expected a MovieLens folder'
run empty --data "$work"
check 'movielens says what a folder lacks' fails_with 1 'neither ratings.csv nor ratings.dat'
run diverge --data "$work/csv" --factors 4 --learning-rate 1000
check 'movielens reports divergence with what to try' fails_with 1 'diverged in epoch .*try --learning-rate'
"$program" --help >"$work/help.txt"
check 'movielens --help lists every option' eval \
    'for o in data top factors mask loss-weight scope epochs batch learning-rate seed holdout; do grep -q -- "--$o" "$work/help.txt" || exit 1; done'
if [ -e /dev/full ]; then
    "$program" --data "$work/csv" --factors 4 >/dev/full 2>/dev/null
    check 'movielens notices that it cannot write' [ $? = 1 ]
fi

"$hello" >"$work/hello.txt"
check 'hello recommends something, and says why' eval '[ $? = 0 ] && grep -Eq "^Watch .*: [1-5]\.[0-9] stars\.$" "$work/hello.txt" && grep -q "what you said of" "$work/hello.txt"'

# ---- the evaluation's command line ----

while IFS='|' read -r name arguments text; do
    # shellcheck disable=SC2086
    build/examples/evaluate $arguments >"$work/out" 2>"$work/error"
    status=$?
    check "evaluate $name" eval '[ "$status" = 2 ] && grep -qxF -- "evaluate: $text" "$work/error"'
done <<'WRONG'
needs something to do||--train FILE and --test FILE are missing; --help explains
does one thing at a time|--data a --prequential b|only one of --train with --test, --data and --prequential at a time; see --help
knows its words|--data a --setting svd|--setting svd: must be article, sgd or bayes
wants values where they belong|--data a --ranking=yes|--ranking: has no value; see --help
wants a value|--data|--data: needs a value; see --help
wants the lower number first|--data a --scale 5..1|--scale 5..1: must be like 1..5, the lower number first
wants a whole scale|--data a --scale 1..|--scale 1..: must be like 1..5, the lower number first
WRONG
for scale in 1..5 0.5..5 -1..1; do # the folder is what is wrong then
    build/examples/evaluate --data "$work/nowhere" --scale $scale >"$work/out" 2>"$work/error"
    check "evaluate reads the scale $scale" grep -q "^evaluate: $work/nowhere" "$work/error"
done
for threads in 1 3; do
    build/examples/evaluate --train "$work/csv/ratings.csv" --test "$work/csv/ratings.csv" --threads $threads |
        sed -n 's/^rmse: \(0\.[0-9]\{3\}\).*/\1/p' >"$work/threads-$threads"
done
check 'evaluate finds the same by several threads' eval \
    '[ -s "$work/threads-1" ] && diff "$work/threads-1" "$work/threads-3"'

# ---- the real sets ----

small=${DATA_SMALL:-$shared/ml-latest-small}
if [ -e "$small/ratings.csv" ]; then
    run small --data "$small" --holdout 0.1
    held=$(value 'held-out RMSE: ')
    check 'latest-small: every line for scripts' well_formed
    check 'latest-small: UTF-8' valid_utf8
    check "latest-small: better than the means ($held)" holds "${held%% *} + 0 < $(echo "$held" | sed 's/.*only //; s/)//') + 0"
    check 'latest-small: Empire is nearer to Star Wars than American Beauty is' holds \
        "$(value 'distance Star Wars - Empire: ') + 0 < $(value 'distance Star Wars - American Beauty: ') + 0"
    check 'latest-small: the sample person is recommended Empire' grep -Eq '^    [0-5]\.[0-9]+  Star Wars: Episode V ' "$out"
else
    echo "skip latest-small: no data; DATA_SMALL=FOLDER"
fi

large=${DATA_ML1M:-}
if [ -z "$large" ] && [ -e "$shared/ml-1m/ratings.dat.xz" ] && command -v xz >/dev/null; then
    large=$work/ml-1m
    mkdir "$large"
    xz -dc "$shared/ml-1m/ratings.dat.xz" >"$large/ratings.dat"
    cp "$shared/ml-1m/movies.dat" "$large/"
fi
if [ -n "$large" ] && [ -e "$large/ratings.dat" ]; then
    run large --data "$large"
    check 'ml-1m: every line for scripts' well_formed
    check 'ml-1m: 530109 ratings of 500 films' [ "$(value 'ratings: ')" = 530109 ]
    check 'ml-1m: preferences from -4.643 to 3.923' [ "$(value 'preferences: ')" = '-4.643 .. 3.923' ]
    check 'ml-1m: Seven Samurai is liked best, 4.56' eval 'grep -A1 "best liked film has 4.56" "$out" | grep -q "Seven Samurai"'
    loss=$(value 'final loss: ')
    check "ml-1m: final loss at or below 0.6321 ($loss)" holds "${loss:-9} <= 0.6321"
    check 'ml-1m: Empire is nearer to Star Wars than American Beauty is' holds \
        "$(value 'distance Star Wars - Empire: ') + 0 < $(value 'distance Star Wars - American Beauty: ') + 0"
    check 'ml-1m: the sample person is recommended Empire' grep -Eq '^    [0-5]\.[0-9]+  Star Wars: Episode V ' "$out"
    check 'ml-1m: UTF-8' valid_utf8
    run held --data "$large" --holdout 0.1
    held=$(value 'held-out RMSE: ')
    check "ml-1m: clearly better than the means on a held-out tenth ($held)" holds \
        "${held%% *} + 0 > 0.8 && ${held%% *} + 0 < $(echo "$held" | sed 's/.*only //; s/)//') - 0.03"
else
    echo "skip ml-1m: no data; DATA_ML1M=FOLDER with ratings.dat and movies.dat"
fi
exit $failed
