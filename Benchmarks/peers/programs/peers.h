/* peers.h - everything the C and C++ peer programs share.
 *
 *  - command line:  --matrix SPEC --m M --tol T --threads P --repeats R --budget SECONDS
 *                   --methods a,b,c --restart K --maxit I --seed S --prec NAME
 *  - one record per result, as ../../solvers/record.schema.json describes it
 *  - matrices:      a Matrix Market file (coordinate; real/integer/pattern;
 *                   general/symmetric/skew-symmetric), or a generator, see below
 *  - right-hand sides, true residuals, timing, peak memory, JSON output
 *
 * Generators (all with homogeneous Dirichlet boundary, N interior points per
 * side, x fastest: row = (z*N + y)*N + x, entries scaled by h^2, h = 1/(N+1)):
 *   poisson2d:N         5-point Laplacian: 4 on the diagonal, -1 off it
 *   poisson3d:N         7-point Laplacian: 6 on the diagonal, -1 off it
 *   convdiff3d:N[:V]    -Lap u + v.grad u, first-order upwind, v = V*(1, 1/2, 1/4),
 *                       V > 0 (default 50): with c_d = v_d*h the entry towards
 *                       -e_d is -(1 + c_d), towards +e_d is -1, and the diagonal
 *                       is 6 + c_x + c_y + c_z. Nonsymmetric M-matrix.
 *   varcoef2d:N[:C]     -div(k grad u), 5-point; cell k = 10^(C*u), C default 4,
 *   varcoef3d:N[:C]     u = unit(splitmix64(7919 + cell)) in [0,1); a face takes the
 *                       harmonic mean 2*k1*k2/(k1+k2), a boundary face the cell's k.
 *
 * Right-hand sides: B[i][j] = 2*unit(splitmix64(seed + i*m + j)) - 1, seed 42,
 *   unit(z) = (z >> 11) * 2^-53, 64-bit wrap-around arithmetic. Note that column j
 *   depends on m. peers.py has the same definitions in Python.
 */
#ifndef PEERS_H
#define PEERS_H
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Of the library that is measured; for the records. */
static const char *peers_version = "unknown";

typedef struct {
    int n;
    int nnz;
    int *ptr, *col; /* CSR, 0-based, columns ascending within a row */
    double *val;
    int symmetric; /* numerically symmetric */
    char name[1024];
} peers_csr;

typedef struct {
    char matrix[1024], methods[512], prec[64];
    int m, threads, repeats, restart, maxit;
    int once; /* the first solve is the only one: for who wants X, not times */
    double tol, budget;
    uint64_t seed;
} peers_args;

/* ---------------------------------------------------------------- time, memory */
static inline double peers_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
/* Peak resident set since the last peers_reset_peak(), in MB (Linux). */
static inline double peers_peak_mb(void) {
    FILE *f = fopen("/proc/self/status", "r");
    char line[256];
    double kb = -1;
    if (!f) return -1;
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "VmHWM: %lf", &kb) == 1) break;
    fclose(f);
    return kb / 1024;
}
static inline void peers_reset_peak(void) {
    FILE *f = fopen("/proc/self/clear_refs", "w");
    if (!f) return;
    fputs("5", f);
    fclose(f);
}
/* Whether to solve once more. Time r = 0 is the first solve, which is not counted; then up to `repeats`, and at least one, while
 * the seconds of --budget last. */
static inline int peers_more(int r, int repeats, double budget, double began) {
    return r < 2 || (r <= repeats && peers_now() - began < budget);
}
static inline int peers_cmp(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}
static inline void peers_min_median(double *t, int k, double *mn, double *md) {
    qsort(t, (size_t)k, sizeof(double), peers_cmp);
    *mn = t[0];
    *md = k % 2 ? t[k / 2] : 0.5 * (t[k / 2 - 1] + t[k / 2]);
}

/* ------------------------------------------------------------ reproducible hash */
static inline uint64_t peers_splitmix64(uint64_t z) {
    z += 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}
static inline double peers_unit(uint64_t z) { return (double)(z >> 11) * 0x1p-53; }
static inline double peers_b(uint64_t seed, int64_t i, int64_t m, int64_t j) {
    return 2 * peers_unit(peers_splitmix64(seed + (uint64_t)i * (uint64_t)m + (uint64_t)j)) - 1;
}
/* rowmajor: B[i*m + j]; otherwise column major: B[j*n + i] */
static inline double *peers_rhs(int n, int m, uint64_t seed, int rowmajor) {
    double *B = (double *)malloc(sizeof(double) * (size_t)n * (size_t)m);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < m; j++)
            B[rowmajor ? (size_t)i * m + j : (size_t)j * n + i] = peers_b(seed, i, m, j);
    return B;
}

/* ------------------------------------------------------------------- generators */
static inline int peers_generate(const char *spec, peers_csr *A) {
    char kind[32] = "";
    int N = 0;
    double par = 0;
    int got = sscanf(spec, "%31[a-z0-9]:%d:%lf", kind, &N, &par);
    if (got < 2 || N < 1) return 0;
    int dim = strstr(kind, "2d") ? 2 : 3;
    int lap = !strncmp(kind, "poisson", 7), cd = !strcmp(kind, "convdiff3d"), vc = !strncmp(kind, "varcoef", 7);
    if (!lap && !cd && !vc) return 0;
    if (got < 3) par = cd ? 50 : 4;
    int n = dim == 2 ? N * N : N * N * N, nz = 0;
    double h = 1.0 / (N + 1), c[3] = {par * h, 0.5 * par * h, 0.25 * par * h};
    double *k = NULL;
    if (vc) {
        k = (double *)malloc(sizeof(double) * (size_t)n);
        for (int i = 0; i < n; i++) k[i] = pow(10.0, par * peers_unit(peers_splitmix64(7919ull + (uint64_t)i)));
    }
    A->n = n;
    A->ptr = (int *)malloc(sizeof(int) * ((size_t)n + 1));
    A->col = (int *)malloc(sizeof(int) * (size_t)n * (2 * dim + 1));
    A->val = (double *)malloc(sizeof(double) * (size_t)n * (2 * dim + 1));
    int step[3] = {1, N, N * N};
    for (int i = 0; i < n; i++) {
        int p[3] = {i % N, (i / N) % N, dim == 3 ? i / (N * N) : 0};
        double lo[3], hi[3], dg = 0;
        for (int d = 0; d < dim; d++) {
            if (vc) {
                double a = k[i], l = p[d] > 0 ? k[i - step[d]] : a, r = p[d] < N - 1 ? k[i + step[d]] : a;
                lo[d] = 2 * a * l / (a + l);
                hi[d] = 2 * a * r / (a + r);
            } else {
                lo[d] = cd ? 1 + c[d] : 1;
                hi[d] = 1;
            }
            dg += lo[d] + hi[d];
        }
        A->ptr[i] = nz;
        for (int d = dim - 1; d >= 0; d--)
            if (p[d] > 0) { A->col[nz] = i - step[d]; A->val[nz++] = -lo[d]; }
        A->col[nz] = i; A->val[nz++] = dg;
        for (int d = 0; d < dim; d++)
            if (p[d] < N - 1) { A->col[nz] = i + step[d]; A->val[nz++] = -hi[d]; }
    }
    A->ptr[n] = A->nnz = nz;
    A->symmetric = !cd;
    snprintf(A->name, sizeof A->name, "%s", spec);
    free(k);
    return 1;
}

/* ---------------------------------------------------------------- Matrix Market */
typedef struct { int i, j; double v; } peers_ijv;
static inline int peers_ijv_cmp(const void *a, const void *b) {
    const peers_ijv *x = (const peers_ijv *)a, *y = (const peers_ijv *)b;
    if (x->i != y->i) return x->i < y->i ? -1 : 1;
    return (x->j > y->j) - (x->j < y->j);
}
static inline int peers_read_mm(const char *path, peers_csr *A) {
    FILE *f = fopen(path, "r");
    char line[1024], fmt[64] = "", fld[64] = "", sym[64] = "";
    int R, C;
    long NZ, k = 0;
    if (!f) { fprintf(stderr, "cannot open %s\n", path); return 0; }
    if (!fgets(line, sizeof line, f) ||
        sscanf(line, "%%%%MatrixMarket matrix %63s %63s %63s", fmt, fld, sym) != 3 ||
        strcmp(fmt, "coordinate") || !strcmp(fld, "complex") || !strcmp(sym, "hermitian")) {
        fprintf(stderr, "%s: not a real coordinate Matrix Market file\n", path);
        return 0;
    }
    do { if (!fgets(line, sizeof line, f)) return 0; } while (line[0] == '%');
    if (sscanf(line, "%d %d %ld", &R, &C, &NZ) != 3 || R != C) { fprintf(stderr, "%s: not square\n", path); return 0; }
    peers_ijv *e = (peers_ijv *)malloc(sizeof(peers_ijv) * (size_t)NZ * 2);
    int general = !strcmp(sym, "general");
    double sg = !strcmp(sym, "skew-symmetric") ? -1 : 1;
    for (long q = 0; q < NZ; q++) {
        int i, j; double v = 1;
        if (!fgets(line, sizeof line, f) || sscanf(line, "%d %d %lf", &i, &j, &v) < 2) return 0;
        e[k].i = i - 1; e[k].j = j - 1; e[k++].v = v;
        if (!general && i != j) { e[k].i = j - 1; e[k].j = i - 1; e[k++].v = sg * v; }
    }
    fclose(f);
    qsort(e, (size_t)k, sizeof *e, peers_ijv_cmp);
    A->n = R;
    A->ptr = (int *)calloc((size_t)R + 1, sizeof(int));
    A->col = (int *)malloc(sizeof(int) * (size_t)k);
    A->val = (double *)malloc(sizeof(double) * (size_t)k);
    int nz = 0;
    for (long q = 0; q < k; q++) {
        if (q && e[q].i == e[q - 1].i && e[q].j == e[q - 1].j) { A->val[nz - 1] += e[q].v; continue; }
        A->col[nz] = e[q].j; A->val[nz++] = e[q].v; A->ptr[e[q].i + 1]++;
    }
    for (int i = 0; i < R; i++) A->ptr[i + 1] += A->ptr[i];
    A->nnz = nz;
    A->symmetric = 1; /* whatever the banner says: look at the values */
    for (int i = 0; i < R && A->symmetric; i++)
        for (int p = A->ptr[i]; p < A->ptr[i + 1] && A->symmetric; p++) {
            int lo = A->ptr[A->col[p]], hi = A->ptr[A->col[p] + 1] - 1, found = 0;
            while (lo <= hi) {
                int mid = (lo + hi) / 2;
                if (A->col[mid] == i) { found = A->val[mid] == A->val[p]; break; }
                if (A->col[mid] < i) lo = mid + 1; else hi = mid - 1;
            }
            A->symmetric = found;
        }
    free(e);
    const char *b = strrchr(path, '/');
    snprintf(A->name, sizeof A->name, "%s", b ? b + 1 : path);
    return 1;
}
static inline void peers_load(const char *spec, peers_csr *A) {
    if (strstr(spec, ".mtx") ? !peers_read_mm(spec, A) : !peers_generate(spec, A)) {
        fprintf(stderr, "matrix '%s' is neither a .mtx file nor a known generator\n", spec);
        exit(2);
    }
}

/* ------------------------------------------------------------- residual, output */
/* max over columns of ||b - A x||_2 / ||b||_2, computed in double, row by row */
static inline double peers_residual(const peers_csr *A, const double *B, const double *X, int m, int rowmajor) {
    double *rr = (double *)calloc((size_t)m, 8), *bb = (double *)calloc((size_t)m, 8), worst = 0;
    for (int i = 0; i < A->n; i++)
        for (int j = 0; j < m; j++) {
            double b = rowmajor ? B[(size_t)i * m + j] : B[(size_t)j * A->n + i], s = b;
            for (int p = A->ptr[i]; p < A->ptr[i + 1]; p++)
                s -= A->val[p] * (rowmajor ? X[(size_t)A->col[p] * m + j] : X[(size_t)j * A->n + A->col[p]]);
            rr[j] += s * s;
            bb[j] += b * b;
        }
    for (int j = 0; j < m; j++) {
        double r = sqrt(rr[j] / bb[j]);
        if (!(r <= worst)) worst = r; /* NaN wins */
    }
    free(rr); free(bb);
    return worst;
}
/* max |Y - A X| / max |A| |X| row by row: the check of an SpMM kernel (row major) */
static inline double peers_spmm_error(const peers_csr *A, const double *X, const double *Y, int m) {
    double worst = 0;
    for (int i = 0; i < A->n; i += 97)
        for (int j = 0; j < m; j++) {
            double s = 0, a = 0;
            for (int p = A->ptr[i]; p < A->ptr[i + 1]; p++) {
                double t = A->val[p] * X[(size_t)A->col[p] * m + j];
                s += t; a += fabs(t);
            }
            double e = fabs(s - Y[(size_t)i * m + j]) / (a > 0 ? a : 1);
            if (!(e <= worst)) worst = e;
        }
    return worst;
}
static inline void peers_print_double(const char *key, double v) {
    if (v != v || v - v != 0) printf(",\"%s\":null", key);
    else printf(",\"%s\":%.6g", key, v);
}
/* times: times[0] is the first solve, or negative where none was made; the next `repeats` are the measured ones.
 * iterations: iters[0..niters); niters 0 prints null, 1 a number, more a list.
 * extra: NULL or further JSON members without the leading comma. */
static inline void peers_record(const char *library, const char *work, const char *method, const char *preconditioner,
                                const peers_csr *A, const peers_args *a, double setup, double *times, int repeats,
                                const int *iters, int niters, double res, const char *extra) {
    double mn = -1, md = -1, sorted[1001], *t = times + 1;
    memcpy(sorted, t, sizeof(double) * (size_t)repeats);
    peers_min_median(sorted, repeats, &mn, &md);
    printf("{\"schema\":1,\"library\":\"%s\",\"version\":\"%s\",\"work\":\"%s\",\"problem\":\"%s\",\"rows\":%d,\"nonzeros\":%d,"
           "\"method\":\"%s\",\"preconditioner\":\"%s\",\"right_hand_sides\":%d,\"threads\":%d",
           library, peers_version, work, A->name, A->n, A->nnz, method, preconditioner, a->m, a->threads);
    if (strstr(method, "gmres") || strstr(method, "gcrodr")) printf(",\"restart\":%d", a->restart);
    if (!strcmp(work, "solve")) peers_print_double("tolerance", a->tol);
    peers_print_double("setup_seconds", setup);
    peers_print_double("first_solve_seconds", times[0] < 0 ? NAN : times[0]);
    peers_print_double("solve_seconds", mn);
    peers_print_double("solve_seconds_median", md);
    printf(",\"solve_seconds_all\":[");
    for (int r = 0; r < repeats; r++) printf("%s%.6g", r ? "," : "", t[r]);
    printf("],\"repeats\":%d,\"iterations\":", repeats);
    if (niters == 0) printf("null");
    else if (niters == 1) printf("%d", iters[0]);
    else for (int q = 0; q < niters; q++) printf("%s%d%s", q ? "," : "[", iters[q], q == niters - 1 ? "]" : "");
    peers_print_double("true_relative_residual", res);
    printf(",\"peak_memory_bytes\":%.0f%s%s}\n", peers_peak_mb() * 1048576, extra ? "," : "", extra ? extra : "");
    fflush(stdout);
}
/* A product Y = A X. Bandwidth counts 12 bytes per nonzero, 4 per row, X read once and Y written once. */
static inline void peers_record_product(const char *library, const char *method, const peers_csr *A, const peers_args *a,
                                        double setup, double *times, int repeats, double err) {
    char extra[512];
    double mn = times[1], bytes = 12.0 * A->nnz + 4.0 * A->n + 16.0 * A->n * a->m;
    for (int r = 2; r <= repeats; r++) if (times[r] < mn) mn = times[r];
    snprintf(extra, sizeof extra, "\"gflops\":%.4g,\"gbytes_per_second\":%.4g,\"product_error\":%.2e",
             2e-9 * A->nnz * a->m / mn, bytes * 1e-9 / mn, err);
    peers_record(library, "product", method, "none", A, a, setup, times, repeats, NULL, 0, NAN, extra);
}

/* ------------------------------------------------------------------ command line */
static inline int peers_has(const peers_args *a, const char *method) {
    if (!strcmp(a->methods, "all")) return 1;
    size_t L = strlen(method);
    for (const char *p = a->methods; (p = strstr(p, method)); p += L)
        if ((p == a->methods || p[-1] == ',') && (p[L] == 0 || p[L] == ',')) return 1;
    return 0;
}
/* Threads are fixed by environment variables that libraries read while loading, so
 * the program re-executes itself once with them set. It also drops a
 * forced OPENBLAS_CORETYPE unless PEERS_KEEP_CORETYPE is set. */
#include <unistd.h>
static inline peers_args peers_parse(int argc, char **argv, const char *methods) {
    peers_args a;
    memset(&a, 0, sizeof a);
    strcpy(a.matrix, "poisson2d:100");
    strcpy(a.methods, "all");
    strcpy(a.prec, "none");
    a.m = 8; a.tol = 1e-8; a.threads = 1; a.repeats = 5; a.restart = 50; a.maxit = 5000; a.seed = 42; a.budget = 20;
    for (int i = 1; i < argc; i++) {
        const char *o = argv[i], *v = i + 1 < argc ? argv[i + 1] : "";
        if (!strcmp(o, "--once")) { a.once = 1; continue; }
        if (!strcmp(o, "--matrix")) snprintf(a.matrix, sizeof a.matrix, "%s", v);
        else if (!strcmp(o, "--methods")) snprintf(a.methods, sizeof a.methods, "%s", v);
        else if (!strcmp(o, "--prec")) snprintf(a.prec, sizeof a.prec, "%s", v);
        else if (!strcmp(o, "--m")) a.m = atoi(v);
        else if (!strcmp(o, "--tol")) a.tol = atof(v);
        else if (!strcmp(o, "--threads")) a.threads = atoi(v);
        else if (!strcmp(o, "--repeats")) a.repeats = atoi(v);
        else if (!strcmp(o, "--restart")) a.restart = atoi(v);
        else if (!strcmp(o, "--maxit")) a.maxit = atoi(v);
        else if (!strcmp(o, "--budget")) a.budget = atof(v);
        else if (!strcmp(o, "--seed")) a.seed = strtoull(v, NULL, 10);
        else {
            fprintf(stderr,
                    "usage: %s --matrix SPEC [--m 8] [--tol 1e-8] [--threads 1] [--repeats 5] [--methods all]\n"
                    "          [--restart 50] [--maxit 5000] [--seed 42] [--prec none] [--budget 20] [--once]\n"
                    "  SPEC: file.mtx | poisson2d:N | poisson3d:N | convdiff3d:N[:V] | varcoef2d:N[:C] | varcoef3d:N[:C]\n"
                    "  %s\n", argv[0], methods);
            exit(strcmp(o, "--help") ? 2 : 0);
        }
        i++;
    }
    if (a.m < 1 || a.repeats < 1 || a.repeats > 1000 || a.threads < 1) { fprintf(stderr, "bad argument\n"); exit(2); }
    if (!getenv("PEERS_ENV")) {
        char b[16];
        const char *vars[] = {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RSB_NUM_THREADS"};
        snprintf(b, sizeof b, "%d", a.threads);
        for (unsigned q = 0; q < 4; q++) setenv(vars[q], b, 1);
        setenv("OMP_PROC_BIND", a.threads > 1 ? "true" : "false", 1);
        if (!getenv("PEERS_KEEP_CORETYPE")) { unsetenv("OPENBLAS_CORETYPE"); unsetenv("OPENBLAS_L2_SIZE"); }
        setenv("PEERS_ENV", "1", 1);
        execv("/proc/self/exe", argv);
        perror("execv");
    }
    return a;
}
#endif
