(* The statements that matter most, about real functions and their derivatives: no letters stand in
   for p', no computer algebra is involved. Each theorem says in its comment what it is on the page. *)
From Coq Require Import Reals Lra Psatz Field FunctionalExtensionality.
From Coquelicot Require Import Coquelicot.
From Refimpl Require Import Meanings Lines Normal.
Open Scope R_scope.

(* ---------------------------------------------------------------- One coordinate *)

Definition score (p : R -> R) (x : R) : R := Derive (fun y => ln (p y)) x.

(* The rate of change of p under dx = f dt + g dw, and under the flow dx = v dt. *)
Definition fokker_planck (p f : R -> R) (g x : R) : R :=
  - Derive (fun y => f y * p y) x + g ^ 2 / 2 * Derive (Derive p) x.
Definition continuity (p v : R -> R) (x : R) : R := - Derive (fun y => v y * p y) x.

Record smooth (p : R -> R) : Prop := {
  positive : forall y, 0 < p y;
  once : forall y, ex_derive p y;
  twice : forall y, ex_derive (Derive p) y
}.

Lemma score_is (p : R -> R) (x : R) : smooth p -> score p x = Derive p x / p x.
Proof.
  intros [pos once _]. apply is_derive_unique. auto_derive.
  - repeat split; [apply once | apply pos].
  - change (Derive (fun y => p y) x) with (Derive p x). field. apply Rgt_not_eq, pos.
Qed.

(* A drift with c (log p)' in it, times p, is a drift times p and c p'. *)
Lemma flux (p f : R -> R) (c x : R) : smooth p -> (forall y, ex_derive f y) ->
  Derive (fun y => (f y + c * score p y) * p y) x
  = Derive (fun y => f y * p y) x + c * Derive (Derive p) x.
Proof.
  intros H Hf. transitivity (Derive (fun y => f y * p y + c * Derive p y) x).
  - apply Derive_ext. intro y. rewrite score_is by exact H.
    field. apply Rgt_not_eq, (positive p H).
  - rewrite Derive_plus; [rewrite Derive_scal; reflexivity | |].
    + apply (ex_derive_mult f p); [apply Hf | apply (once p H)].
    + apply ex_derive_scal, (twice p H).
Qed.

(* sde.forward_drift: with the drift v + g^2/2 score the noise changes nothing. *)
Theorem marginals_are_kept (p v : R -> R) (g x : R) : smooth p -> (forall y, ex_derive v y) ->
  fokker_planck p (fun y => v y + g ^ 2 / 2 * score p y) g x = continuity p v x.
Proof. intros H Hv. unfold fokker_planck, continuity. rewrite flux by assumption. ring. Qed.

(* sde.reverse_drift: run backwards, dx = - (f - g^2 score) dr + g dw undoes the forward rate. *)
Theorem reverse_undoes_forward (p f : R -> R) (g x : R) : smooth p -> (forall y, ex_derive f y) ->
  fokker_planck p (fun y => - f y + g ^ 2 * score p y) g x = - fokker_planck p f g x.
Proof.
  intros H Hf. unfold fokker_planck.
  rewrite (flux p (fun y => - f y) (g ^ 2) x H).
  - replace (Derive (fun y => - f y * p y) x) with (- Derive (fun y => f y * p y) x); [field |].
    rewrite <- Derive_opp. apply Derive_ext. intro; ring.
  - intro y. apply (ex_derive_opp f), Hf.
Qed.

(* sde.drift: while t falls, r = - t rises; v - g^2/2 score then keeps the flow's marginals. *)
Theorem sampling_keeps_the_marginals (p v : R -> R) (g x : R) :
  smooth p -> (forall y, ex_derive v y) ->
  fokker_planck p (fun y => - (v y - g ^ 2 / 2 * score p y)) g x = - continuity p v x.
Proof.
  intros H Hv. rewrite <- (marginals_are_kept p v g x H Hv).
  rewrite <- (reverse_undoes_forward p (fun y => v y + g ^ 2 / 2 * score p y) g x H).
  - unfold fokker_planck. repeat f_equal. apply functional_extensionality. intro y. field.
  - intro y. apply (ex_derive_plus v); [apply Hv |].
    apply ex_derive_scal. apply (ex_derive_ext (fun z => Derive p z / p z)).
    + intro z. symmetry. apply score_is, H.
    + apply (ex_derive_div (Derive p) p);
        [apply (twice p H) | apply (once p H) | apply Rgt_not_eq, (positive p H)].
Qed.

(* ---------------------------------------------------------------- d coordinates *)

Fixpoint total (d : nat) (f : nat -> R) : R :=
  match d with O => 0 | S n => total n f + f n end.

Lemma total_ext d f g : (forall i, f i = g i) -> total d f = total d g.
Proof. intro H. induction d; simpl; [reflexivity | rewrite IHd, H; reflexivity]. Qed.
Lemma total_plus d f g : total d (fun i => f i + g i) = total d f + total d g.
Proof. induction d; simpl; [ring | rewrite IHd; ring]. Qed.
Lemma total_scal d c f : total d (fun i => c * f i) = c * total d f.
Proof. induction d; simpl; [ring | rewrite IHd; ring]. Qed.

Definition point := nat -> R.
Definition put (x : point) (i : nat) (y : R) : point := fun k => if Nat.eqb k i then y else x k.
Definition partial (i : nat) (f : point -> R) (x : point) : R := Derive (fun y => f (put x i y)) (x i).

Lemma put_put x i y z : put (put x i y) i z = put x i z.
Proof.
  apply functional_extensionality. intro k. unfold put. destruct (Nat.eqb k i); reflexivity.
Qed.
Lemma put_here x i y : put x i y i = y.
Proof. unfold put. rewrite Nat.eqb_refl. reflexivity. Qed.

(* Along its i-th coordinate a partial derivative is a derivative. *)
Lemma along i f x y : partial i f (put x i y) = Derive (fun z => f (put x i z)) y.
Proof.
  unfold partial. rewrite put_here. apply Derive_ext. intro. rewrite put_put. reflexivity.
Qed.

(* sde.forward_drift in d coordinates: div (p (v + g^2/2 score)) - g^2/2 lap p = div (p v). *)
Theorem marginals_are_kept_d (d : nat) (p : point -> R) (v : nat -> point -> R) (g : R) (x : point) :
  (forall i, smooth (fun y => p (put x i y))) ->
  (forall i y, ex_derive (fun z => v i (put x i z)) y) ->
  - total d (fun i => partial i (fun y =>
      (v i y + g ^ 2 / 2 * partial i (fun z => ln (p z)) y) * p y) x)
    + g ^ 2 / 2 * total d (fun i => partial i (partial i p) x)
  = - total d (fun i => partial i (fun y => v i y * p y) x).
Proof.
  intros H Hv. rewrite <- total_scal. 
  enough (forall i, partial i (fun y =>
      (v i y + g ^ 2 / 2 * partial i (fun z => ln (p z)) y) * p y) x
    = partial i (fun y => v i y * p y) x + g ^ 2 / 2 * partial i (partial i p) x) as E.
  { rewrite (total_ext d _ _ E), total_plus. ring. }
  intro i. set (q := fun y => p (put x i y)).
  assert (S : partial i (partial i p) x = Derive (Derive q) (x i)).
  { apply Derive_ext. intro y. apply along. }
  rewrite S. unfold partial at 3. rewrite <- (flux q _ _ _ (H i) (Hv i)).
  apply Derive_ext. intro y. rewrite along. reflexivity.
Qed.

(* ---------------------------------------------------------------- The linear path *)

(* n data points z with weights w; x = (1 - t) data + t noise given the data is a Gaussian. *)
Section LinearPath.
Variables (n : nat) (w z : nat -> R) (t : R).
Context (weights : forall k, 0 < w k) (some : (0 < n)%nat) (inside : 0 < t).

Definition kernel (k : nat) (x : R) : R := exp (- (x - (1 - t) * z k) ^ 2 / (2 * t ^ 2)).
Definition law (x : R) : R := total n (fun k => w k * kernel k x).
Definition given (x : R) (f : nat -> R) : R := total n (fun k => w k * kernel k x * f k) / law x.
Definition noise (x : R) (k : nat) : R := (x - (1 - t) * z k) / t.
Definition velocity (x : R) : R := given x (fun k => noise x k - z k).

Lemma law_positive x : 0 < law x.
Proof.
  unfold law. destruct n as [| m]; [inversion some |]. clear some. 
  induction m as [| m IH]; simpl in *.
  - rewrite Rplus_0_l. apply Rmult_lt_0_compat; [apply weights | apply exp_pos].
  - apply Rplus_lt_0_compat; [apply IH | apply Rmult_lt_0_compat; [apply weights | apply exp_pos]].
Qed.

Lemma law_moves x : is_derive law x (total n (fun k => w k * kernel k x * (- noise x k / t))).
Proof.
  unfold law. clear some. induction n as [| m IH]; simpl; [auto_derive; auto |].
  apply (is_derive_plus (fun y => total m (fun k => w k * kernel k y))); [exact IH |].
  unfold kernel, noise. auto_derive; [exact I |].
  replace (- ((x + - ((1 - t) * z m)) * ((x + - ((1 - t) * z m)) * 1)) * / (2 * (t * (t * 1))))
    with (- (x - (1 - t) * z m) ^ 2 / (2 * t ^ 2)) by (field; lra).
  field. lra.
Qed.

(* conversions: the marginal score is minus the mean noise over t. *)
Theorem score_is_mean_noise x : score law x = - given x (noise x) / t.
Proof.
  unfold score. pose proof (law_positive x) as P.
  rewrite (is_derive_unique _ x (total n (fun k => w k * kernel k x * (- noise x k / t)) / law x)).
  - unfold given. rewrite (total_ext n _ (fun k => - / t * (w k * kernel k x * noise x k))).
    + rewrite total_scal. field. split; lra.
    + intro k. field. lra.
  - assert (E := law_moves x). auto_derive.
    + repeat split; [exists (total n (fun k => w k * kernel k x * (- noise x k / t))); exact E | exact P].
    + change (Derive (fun y => law y) x) with (Derive law x).
      rewrite (is_derive_unique _ _ _ E). field. lra.
Qed.

(* The point is the mean of what it is made of: x = (1 - t) E[data | x] + t E[noise | x]. *)
Lemma point_splits x : x = (1 - t) * given x z + t * given x (noise x).
Proof.
  unfold given. pose proof (law_positive x) as P.
  assert (E : total n (fun k => w k * kernel k x * x)
    = (1 - t) * total n (fun k => w k * kernel k x * z k)
      + t * total n (fun k => w k * kernel k x * noise x k)).
  { rewrite <- !total_scal, <- total_plus. apply total_ext. intro. unfold noise. field. lra. }
  assert (F : total n (fun k => w k * kernel k x * x) = x * law x).
  { unfold law. rewrite <- total_scal. apply total_ext. intro; ring. }
  rewrite F in E. apply (Rmult_eq_reg_r (law x)); [| lra]. rewrite E. field. lra.
Qed.

Lemma velocity_splits x : velocity x = given x (noise x) - given x z.
Proof.
  unfold velocity, given. pose proof (law_positive x).
  rewrite (total_ext n _ (fun k => w k * kernel k x * noise x k + -1 * (w k * kernel k x * z k)))
    by (intro; ring).
  rewrite total_plus, total_scal. field. lra.
Qed.

(* conversions: velocity and score of the linear path say the same. *)
Theorem score_of_velocity x : score law x = - (x + (1 - t) * velocity x) / t.
Proof.
  rewrite score_is_mean_noise, velocity_splits. pose proof (point_splits x) as S.
  apply (f_equal (fun u => - u / t)). lra.
Qed.
Theorem velocity_of_score x : t <> 1 -> velocity x = - (x + t * score law x) / (1 - t).
Proof. intro H. rewrite score_of_velocity. field. split; lra. Qed.

(* Eq. (1): the drift of the sampling SDE on the linear path, whose noise g may be anything. *)
Theorem drift_of_eq_1 (g x : R) :
  velocity x - g ^ 2 / 2 * score law x
  = velocity x + g ^ 2 / (2 * t) * (x + (1 - t) * velocity x).
Proof. rewrite score_of_velocity. field. lra. Qed.
End LinearPath.

(* ---------------------------------------------------------------- Guidance *)

(* guidance.classifier_free: the score of p^(1-w) q^w is (1 - w) score p + w score q. *)
Theorem guided_score (p q : R -> R) (w x : R) : smooth p -> smooth q ->
  score (fun y => Rpower (p y) (1 - w) * Rpower (q y) w) x = (1 - w) * score p x + w * score q x.
Proof.
  intros Hp Hq. rewrite (score_is p), (score_is q) by assumption.
  destruct Hp as [pp p1 _], Hq as [qq q1 _].
  transitivity (Derive (fun y => (1 - w) * ln (p y) + w * ln (q y)) x).
  - apply Derive_ext. intro y. unfold Rpower. rewrite <- exp_plus, ln_exp. reflexivity.
  - apply is_derive_unique. auto_derive; [repeat split; first [apply p1 | apply q1 | apply pp | apply qq] |].
    change (Derive (fun y => p y) x) with (Derive p x).
    change (Derive (fun y => q y) x) with (Derive q x).
    field. split; apply Rgt_not_eq; first [apply pp | apply qq].
Qed.

(* guidance.bayes_score: the classifier's gradient is the difference of the two scores. *)
Theorem bayes_score (p q : R -> R) (x : R) : smooth p -> smooth q ->
  score (fun y => q y / p y) x = score q x - score p x.
Proof.
  intros Hp Hq. rewrite (score_is p), (score_is q) by assumption.
  destruct Hp as [pp p1 _], Hq as [qq q1 _]. apply is_derive_unique. auto_derive.
  - repeat split; auto; [apply Rgt_not_eq, pp |].
    apply Rmult_lt_0_compat; [apply qq | apply Rinv_0_lt_compat, pp].
  - change (Derive (fun y => p y) x) with (Derive p x).
    change (Derive (fun y => q y) x) with (Derive q x).
    field. split; apply Rgt_not_eq; first [apply pp | apply qq].
Qed.

(* guidance: velocities mix as scores do, for every a and b that take scores to velocities. *)
Theorem guided_velocity (a b x s s' w : R) :
  a * x + b * ((1 - w) * s + w * s') = (1 - w) * (a * x + b * s) + w * (a * x + b * s').
Proof. ring. Qed.

(* ---------------------------------------------------------------- Divergences *)

Definition log_density (m s x : R) : R := - (x - m) ^ 2 / (2 * s ^ 2) - ln s - ln (2 * PI) / 2.

(* kl.gaussian: E[log p - log q] at a draw from p. That E is the mean over N(0, 1) is assumed by its
   moments: linear, E 1 = 1, E eps = 0, E eps^(n+2) = (n+1) E eps^n. *)
Theorem divergence_of_gaussians (E : (R -> R) -> R) (normal : standard_normal E)
  (m s m' s' : R) (positive : 0 < s) (positive' : 0 < s') :
  E (fun eps => log_density m s (m + s * eps) - log_density m' s' (m + s * eps))
  = ln (s' / s) + (s ^ 2 + (m - m') ^ 2) / (2 * s' ^ 2) - 1 / 2.
Proof.
  rewrite (same E normal _ (fun eps =>
    (ln (s' / s) + (m - m') ^ 2 / (2 * s' ^ 2)) * eps ^ 0
    + ((s * (m - m') / s' ^ 2) * eps ^ 1 + ((s ^ 2 / (2 * s' ^ 2) - 1 / 2) * eps ^ 2 + 0)))).
  - mean. simpl. field. lra.
  - intro eps. unfold log_density.
    replace (ln (s' / s)) with (ln s' - ln s)
      by (unfold Rdiv; rewrite ln_mult, ln_Rinv by pos; ring).
    field. lra.
Qed.

(* Eq. (3): two steps of the linear path's SDE that share std^2 = g^2 h differ by this much. *)
Definition drift (g t x v : R) : R := v + g ^ 2 / (2 * t) * (x + (1 - t) * v).
Theorem eq_3 (E : (R -> R) -> R) (normal : standard_normal E) (g h t x v v' : R)
  (Hg : 0 < g) (Hh : 0 < h) (Ht : 0 < t) :
  let step u := log_density (x - h * drift g t x u) (g * sqrt h) in
  E (fun eps => let y := (x - h * drift g t x v) + g * sqrt h * eps in step v y - step v' y)
  = h / 2 * (g * (1 - t) / (2 * t) + 1 / g) ^ 2 * (v - v') ^ 2.
Proof.
  intro step. unfold step. cbv zeta.
  assert (P : 0 < g * sqrt h) by (apply Rmult_lt_0_compat; [| apply sqrt_lt_R0]; assumption).
  rewrite (divergence_of_gaussians E normal _ _ _ _ P P).
  replace (g * sqrt h / (g * sqrt h)) with 1 by (field; split; apply Rgt_not_eq; [apply sqrt_lt_R0 |]; assumption).
  rewrite ln_1, Rpow_mult_distr. replace (sqrt h ^ 2) with h by (simpl; rewrite Rmult_1_r, sqrt_sqrt; lra).
  unfold drift. field. lra.
Qed.

Definition theorems := (marginals_are_kept, reverse_undoes_forward, sampling_keeps_the_marginals,
  marginals_are_kept_d, score_is_mean_noise, score_of_velocity, velocity_of_score, drift_of_eq_1,
  guided_score, bayes_score, guided_velocity, divergence_of_gaussians, eq_3).
Print Assumptions theorems.
